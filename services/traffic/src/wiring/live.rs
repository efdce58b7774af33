//! The living map.

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::live_service_server::LiveServiceServer;
use kvartal_store::Store;

use crate::presentation::LiveGrpc;

/// Adds the part to the service.
pub(crate) async fn live(
    _runtime: &Runtime,
    _store: &Store,
    service: Service,
    _schedules: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    Ok(service.grpc(LiveServiceServer::new(LiveGrpc)))
}
