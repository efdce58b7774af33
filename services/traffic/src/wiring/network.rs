//! Roads and districts.

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::network_service_server::NetworkServiceServer;
use kvartal_store::Store;

use crate::presentation::NetworkGrpc;

/// Adds the part to the service.
pub(crate) async fn network(
    _runtime: &Runtime,
    _store: &Store,
    service: Service,
    _schedules: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    Ok(service.grpc(NetworkServiceServer::new(NetworkGrpc)))
}
