//! The RPCs of `kvartal.traffic.v1.DetectorService`.

use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct DetectorGrpc;

#[tonic::async_trait]
impl pb::detector_service_server::DetectorService for DetectorGrpc {
    async fn get_detector(
        &self,
        _: Request<pb::GetDetectorRequest>,
    ) -> Result<Response<pb::GetDetectorResponse>, Status> {
        Err(Status::unimplemented("GetDetector is not built yet"))
    }

    async fn list_detectors(
        &self,
        _: Request<pb::ListDetectorsRequest>,
    ) -> Result<Response<pb::ListDetectorsResponse>, Status> {
        Err(Status::unimplemented("ListDetectors is not built yet"))
    }

    async fn create_detector(
        &self,
        _: Request<pb::CreateDetectorRequest>,
    ) -> Result<Response<pb::CreateDetectorResponse>, Status> {
        Err(Status::unimplemented("CreateDetector is not built yet"))
    }

    async fn batch_put_detectors(
        &self,
        _: Request<pb::BatchPutDetectorsRequest>,
    ) -> Result<Response<pb::BatchPutDetectorsResponse>, Status> {
        Err(Status::unimplemented("BatchPutDetectors is not built yet"))
    }

    async fn update_detector(
        &self,
        _: Request<pb::UpdateDetectorRequest>,
    ) -> Result<Response<pb::UpdateDetectorResponse>, Status> {
        Err(Status::unimplemented("UpdateDetector is not built yet"))
    }

    async fn delete_detector(
        &self,
        _: Request<pb::DeleteDetectorRequest>,
    ) -> Result<Response<pb::DeleteDetectorResponse>, Status> {
        Err(Status::unimplemented("DeleteDetector is not built yet"))
    }

    async fn list_detector_health_events(
        &self,
        _: Request<pb::ListDetectorHealthEventsRequest>,
    ) -> Result<Response<pb::ListDetectorHealthEventsResponse>, Status> {
        Err(Status::unimplemented("ListDetectorHealthEvents is not built yet"))
    }

    async fn list_detector_health_rules(
        &self,
        _: Request<pb::ListDetectorHealthRulesRequest>,
    ) -> Result<Response<pb::ListDetectorHealthRulesResponse>, Status> {
        Err(Status::unimplemented("ListDetectorHealthRules is not built yet"))
    }
}
