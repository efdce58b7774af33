//! Patrols and cameras.

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::camera_service_server::CameraServiceServer;
use kvartal_proto::traffic::v1::patrol_service_server::PatrolServiceServer;
use kvartal_store::Store;

use crate::presentation::{CameraGrpc, PatrolGrpc};

/// Adds the part to the service.
pub(crate) async fn fleet(
    _runtime: &Runtime,
    _store: &Store,
    service: Service,
    _schedules: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    Ok(service.grpc(PatrolServiceServer::new(PatrolGrpc)).grpc(CameraServiceServer::new(CameraGrpc)))
}
