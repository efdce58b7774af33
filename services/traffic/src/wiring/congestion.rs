//! States, jams, scores, warnings.

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::congestion_service_server::CongestionServiceServer;
use kvartal_store::Store;

use crate::presentation::CongestionGrpc;

/// Adds the part to the service.
pub(crate) async fn congestion(
    _runtime: &Runtime,
    _store: &Store,
    service: Service,
    _schedules: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    Ok(service.grpc(CongestionServiceServer::new(CongestionGrpc)))
}
