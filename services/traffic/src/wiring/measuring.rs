//! Detectors and their readings.

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::detector_service_server::DetectorServiceServer;
use kvartal_proto::traffic::v1::reading_service_server::ReadingServiceServer;
use kvartal_store::Store;

use crate::presentation::{DetectorGrpc, ReadingGrpc};

/// Adds the part to the service.
pub(crate) async fn measuring(
    _runtime: &Runtime,
    _store: &Store,
    service: Service,
    _schedules: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    Ok(service.grpc(DetectorServiceServer::new(DetectorGrpc)).grpc(ReadingServiceServer::new(ReadingGrpc)))
}
