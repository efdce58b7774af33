//! The RPCs of `kvartal.traffic.v1.ReadingService`.

use kvartal_mesh::stream::Reply;
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct ReadingGrpc;

#[tonic::async_trait]
impl pb::reading_service_server::ReadingService for ReadingGrpc {
    type ImportReadingsStream = Reply<pb::ImportReadingsResponse>;

    async fn ingest_readings(
        &self,
        _: Request<pb::IngestReadingsRequest>,
    ) -> Result<Response<pb::IngestReadingsResponse>, Status> {
        Err(Status::unimplemented("IngestReadings is not built yet"))
    }

    async fn ingest_reading_columns(
        &self,
        _: Request<pb::IngestReadingColumnsRequest>,
    ) -> Result<Response<pb::IngestReadingColumnsResponse>, Status> {
        Err(Status::unimplemented("IngestReadingColumns is not built yet"))
    }

    async fn import_readings(
        &self,
        _: Request<pb::ImportReadingsRequest>,
    ) -> Result<Response<Self::ImportReadingsStream>, Status> {
        Err(Status::unimplemented("ImportReadings is not built yet"))
    }

    async fn list_readings(
        &self,
        _: Request<pb::ListReadingsRequest>,
    ) -> Result<Response<pb::ListReadingsResponse>, Status> {
        Err(Status::unimplemented("ListReadings is not built yet"))
    }

    async fn list_aggregates(
        &self,
        _: Request<pb::ListAggregatesRequest>,
    ) -> Result<Response<pb::ListAggregatesResponse>, Status> {
        Err(Status::unimplemented("ListAggregates is not built yet"))
    }

    async fn list_city_grid(
        &self,
        _: Request<pb::ListCityGridRequest>,
    ) -> Result<Response<pb::ListCityGridResponse>, Status> {
        Err(Status::unimplemented("ListCityGrid is not built yet"))
    }
}
