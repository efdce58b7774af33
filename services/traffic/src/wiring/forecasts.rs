//! Forecasts and their scoreboard.

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::forecast_service_server::ForecastServiceServer;
use kvartal_store::Store;

use crate::presentation::ForecastGrpc;

/// Adds the part to the service.
pub(crate) async fn forecasts(
    _runtime: &Runtime,
    _store: &Store,
    service: Service,
    _schedules: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    Ok(service.grpc(ForecastServiceServer::new(ForecastGrpc)))
}
