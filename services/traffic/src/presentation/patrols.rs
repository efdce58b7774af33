//! The RPCs of `kvartal.traffic.v1.PatrolService`.

use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct PatrolGrpc;

#[tonic::async_trait]
impl pb::patrol_service_server::PatrolService for PatrolGrpc {
    async fn get_patrol(&self, _: Request<pb::GetPatrolRequest>) -> Result<Response<pb::GetPatrolResponse>, Status> {
        Err(Status::unimplemented("GetPatrol is not built yet"))
    }

    async fn list_patrols(
        &self,
        _: Request<pb::ListPatrolsRequest>,
    ) -> Result<Response<pb::ListPatrolsResponse>, Status> {
        Err(Status::unimplemented("ListPatrols is not built yet"))
    }

    async fn create_patrol(
        &self,
        _: Request<pb::CreatePatrolRequest>,
    ) -> Result<Response<pb::CreatePatrolResponse>, Status> {
        Err(Status::unimplemented("CreatePatrol is not built yet"))
    }

    async fn update_patrol(
        &self,
        _: Request<pb::UpdatePatrolRequest>,
    ) -> Result<Response<pb::UpdatePatrolResponse>, Status> {
        Err(Status::unimplemented("UpdatePatrol is not built yet"))
    }

    async fn delete_patrol(
        &self,
        _: Request<pb::DeletePatrolRequest>,
    ) -> Result<Response<pb::DeletePatrolResponse>, Status> {
        Err(Status::unimplemented("DeletePatrol is not built yet"))
    }

    async fn report_patrol_position(
        &self,
        _: Request<pb::ReportPatrolPositionRequest>,
    ) -> Result<Response<pb::ReportPatrolPositionResponse>, Status> {
        Err(Status::unimplemented("ReportPatrolPosition is not built yet"))
    }

    async fn set_patrol_status(
        &self,
        _: Request<pb::SetPatrolStatusRequest>,
    ) -> Result<Response<pb::SetPatrolStatusResponse>, Status> {
        Err(Status::unimplemented("SetPatrolStatus is not built yet"))
    }

    async fn assign_patrol(
        &self,
        _: Request<pb::AssignPatrolRequest>,
    ) -> Result<Response<pb::AssignPatrolResponse>, Status> {
        Err(Status::unimplemented("AssignPatrol is not built yet"))
    }

    async fn release_patrol(
        &self,
        _: Request<pb::ReleasePatrolRequest>,
    ) -> Result<Response<pb::ReleasePatrolResponse>, Status> {
        Err(Status::unimplemented("ReleasePatrol is not built yet"))
    }

    async fn estimate_patrol_arrivals(
        &self,
        _: Request<pb::EstimatePatrolArrivalsRequest>,
    ) -> Result<Response<pb::EstimatePatrolArrivalsResponse>, Status> {
        Err(Status::unimplemented("EstimatePatrolArrivals is not built yet"))
    }

    async fn list_patrol_track(
        &self,
        _: Request<pb::ListPatrolTrackRequest>,
    ) -> Result<Response<pb::ListPatrolTrackResponse>, Status> {
        Err(Status::unimplemented("ListPatrolTrack is not built yet"))
    }
}
