//! The RPCs of `kvartal.traffic.v1.NetworkService`.

use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct NetworkGrpc;

#[tonic::async_trait]
impl pb::network_service_server::NetworkService for NetworkGrpc {
    async fn get_segment(&self, _: Request<pb::GetSegmentRequest>) -> Result<Response<pb::GetSegmentResponse>, Status> {
        Err(Status::unimplemented("GetSegment is not built yet"))
    }

    async fn list_segments(
        &self,
        _: Request<pb::ListSegmentsRequest>,
    ) -> Result<Response<pb::ListSegmentsResponse>, Status> {
        Err(Status::unimplemented("ListSegments is not built yet"))
    }

    async fn get_map_tile(
        &self,
        _: Request<pb::GetMapTileRequest>,
    ) -> Result<Response<pb::GetMapTileResponse>, Status> {
        Err(Status::unimplemented("GetMapTile is not built yet"))
    }

    async fn create_segment(
        &self,
        _: Request<pb::CreateSegmentRequest>,
    ) -> Result<Response<pb::CreateSegmentResponse>, Status> {
        Err(Status::unimplemented("CreateSegment is not built yet"))
    }

    async fn update_segment(
        &self,
        _: Request<pb::UpdateSegmentRequest>,
    ) -> Result<Response<pb::UpdateSegmentResponse>, Status> {
        Err(Status::unimplemented("UpdateSegment is not built yet"))
    }

    async fn delete_segment(
        &self,
        _: Request<pb::DeleteSegmentRequest>,
    ) -> Result<Response<pb::DeleteSegmentResponse>, Status> {
        Err(Status::unimplemented("DeleteSegment is not built yet"))
    }

    async fn batch_put_segments(
        &self,
        _: Request<pb::BatchPutSegmentsRequest>,
    ) -> Result<Response<pb::BatchPutSegmentsResponse>, Status> {
        Err(Status::unimplemented("BatchPutSegments is not built yet"))
    }

    async fn list_districts(
        &self,
        _: Request<pb::ListDistrictsRequest>,
    ) -> Result<Response<pb::ListDistrictsResponse>, Status> {
        Err(Status::unimplemented("ListDistricts is not built yet"))
    }

    async fn put_district(
        &self,
        _: Request<pb::PutDistrictRequest>,
    ) -> Result<Response<pb::PutDistrictResponse>, Status> {
        Err(Status::unimplemented("PutDistrict is not built yet"))
    }

    async fn delete_district(
        &self,
        _: Request<pb::DeleteDistrictRequest>,
    ) -> Result<Response<pb::DeleteDistrictResponse>, Status> {
        Err(Status::unimplemented("DeleteDistrict is not built yet"))
    }
}
