//! States, jams, scores, warnings.

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::congestion_service_server::CongestionServiceServer;
use kvartal_store::Store;

use crate::Config;
use crate::application::congestion::advance::{Advance, Kept};
use crate::application::congestion::desk::CongestionDesk;
use crate::application::congestion::free_flow::FreeFlowSchool;
use crate::application::congestion::ports::{CongestionLog, FreeFlows, Measurements, Roads};
use crate::application::congestion::roads::CityMap;
use crate::application::congestion::speeds::NewestSpeeds;
use crate::application::live::Board;
use crate::application::network::Atlas;
use crate::domain::calendar::Calendar;
use crate::infrastructure::{StoredBook, StoredFreeFlows, StoredLog, StoredMeasurements};
use crate::presentation::{CongestionGrpc, LiveCongestion, Shown, learning, thinning};

/// How often congestion looks for readings that other replicas stored, and whether time has ended a step.
const POLL: Duration = Duration::from_secs(5);

/// What other parts need of congestion.
pub(crate) struct Congestion {
    /// The roads with the detectors on them.
    pub(crate) roads: Arc<dyn Roads>,
    /// What was measured.
    pub(crate) measurements: Arc<dyn Measurements>,
    /// How far it is computed.
    pub(crate) log: Arc<dyn CongestionLog>,
    /// The newest speeds.
    pub(crate) speeds: Arc<NewestSpeeds>,
    /// The clocks of the city.
    pub(crate) calendar: Calendar,
}

/// Adds the part to the service.
pub(crate) fn congestion(
    runtime: &Runtime,
    store: &Store,
    config: &Config,
    atlas: Arc<Atlas>,
    board: Arc<Board<Shown>>,
    service: Service,
    due: &mut Vec<Schedule>,
) -> anyhow::Result<(Service, Congestion)> {
    let clock = runtime.clock();
    let calendar = Calendar::named(&config.time_zone)?;
    let measurements: Arc<dyn Measurements> = Arc::new(StoredMeasurements::new(store.clone()));
    let flows: Arc<dyn FreeFlows> = Arc::new(StoredFreeFlows::new(store.clone()));
    let roads = Arc::new(CityMap::new(atlas, measurements.clone(), flows.clone()));
    let school = FreeFlowSchool {
        roads: roads.clone(),
        measurements: measurements.clone(),
        flows,
        clock: clock.clone(),
        calendar: calendar.clone(),
    };
    due.push(learning(school)?);
    let log: Arc<dyn CongestionLog> = Arc::new(StoredLog::new(store.clone()));
    let book = Arc::new(StoredBook::new(store.clone()));
    let advance =
        Advance { roads: roads.clone(), measurements: measurements.clone(), log: log.clone(), clock: clock.clone() };
    let advance = Arc::new(advance);
    let kept = Kept {
        states_days: config.traffic_states_days,
        jams_days: config.traffic_jams_days,
        scores_days: config.traffic_scores_days,
    };
    due.push(thinning(advance.clone(), kept)?);
    let parts = (roads.clone(), measurements.clone(), log.clone());
    let desk = Arc::new(CongestionDesk { roads, measurements, book, log, clock, calendar: calendar.clone() });
    let speeds = Arc::new(NewestSpeeds::default());
    let live = LiveCongestion::new(desk.clone(), board, speeds.clone());
    let (committed, stop) = (store.committed(), runtime.stop());
    runtime.spawn("congestion", async move {
        stop.run_until_cancelled(advance.follow(committed, POLL, &live)).await;
    });
    let (roads, measurements, log) = parts;
    let service = service.grpc(CongestionServiceServer::new(CongestionGrpc::new(desk)));
    Ok((service, Congestion { roads, measurements, log, speeds, calendar }))
}
