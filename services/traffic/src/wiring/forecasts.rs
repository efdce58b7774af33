//! Forecasts and their scoreboard.

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::forecast_service_server::ForecastServiceServer;
use kvartal_store::Store;

use super::congestion::Congestion;
use crate::Config;
use crate::application::forecasts::desk::ForecastDesk;
use crate::application::forecasts::keeper::Keeper;
use crate::infrastructure::StoredForecasts;
use crate::presentation::{ForecastGrpc, pruning};

/// How often forecasts look whether something new was computed.
const POLL: Duration = Duration::from_secs(5);

/// Adds the part to the service.
pub(crate) fn forecasts(
    runtime: &Runtime,
    store: &Store,
    config: &Config,
    congestion: &Congestion,
    service: Service,
    due: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    let (measurements, roads) = (congestion.measurements.clone(), congestion.roads.clone());
    let log = Arc::new(StoredForecasts::new(store.clone()));
    let keeper =
        Arc::new(Keeper::new(measurements.clone(), congestion.log.clone(), log.clone(), congestion.calendar.clone()));
    due.push(pruning(keeper.clone(), config.traffic_forecasts_days)?);
    let (follower, stop) = (keeper.clone(), runtime.stop());
    runtime.spawn("forecasts", async move {
        stop.run_until_cancelled(follower.follow(POLL)).await;
    });
    let desk = Arc::new(ForecastDesk { keeper, log, measurements, roads });
    Ok(service.grpc(ForecastServiceServer::new(ForecastGrpc::new(desk))))
}
