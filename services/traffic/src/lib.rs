//! The traffic service.

#![doc = include_str!("../README.md")]

pub mod application;
pub mod domain;
pub mod infrastructure;
pub mod messages;
pub mod presentation;
mod wiring;

use kvartal_host::{Runtime, Service};
use sea_orm_migration::MigrationTrait;

/// Name of the service.
pub const NAME: &str = "traffic";

const UTC: &str = "UTC";

/// What can be configured.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Time zone of the city, such as Europe/Moscow: days, weekdays and "the same time last week" go by its clocks.
    #[arg(long, env = "KVARTAL_TIME_ZONE", default_value = UTC, value_name = "NAME")]
    pub time_zone: String,
    /// How many days readings are kept; 0 for ever. Imported history counts by its own time.
    #[arg(long, env = "KVARTAL_TRAFFIC_READINGS_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_readings_days: u32,
    /// How many days roll-ups of 5 and 15 minutes are kept; 0 for ever. Those of the hour always stay.
    #[arg(long, env = "KVARTAL_TRAFFIC_ROLLUPS_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_rollups_days: u32,
    /// How many days states of segments are kept, and with them the map of a past time; 0 for ever.
    #[arg(long, env = "KVARTAL_TRAFFIC_STATES_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_states_days: u32,
    /// How many days jams with their lives and warnings are kept after their end; 0 for ever.
    #[arg(long, env = "KVARTAL_TRAFFIC_JAMS_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_jams_days: u32,
    /// How many days scores are kept; 0 for ever.
    #[arg(long, env = "KVARTAL_TRAFFIC_SCORES_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_scores_days: u32,
    /// How many days forecasts are kept, and how well they did; at least the 7 that the scoreboard is of.
    #[arg(long, env = "KVARTAL_TRAFFIC_FORECASTS_DAYS", default_value_t = 7, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(7..))]
    pub traffic_forecasts_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            time_zone: UTC.to_owned(),
            traffic_readings_days: 0,
            traffic_rollups_days: 0,
            traffic_states_days: 0,
            traffic_jams_days: 0,
            traffic_scores_days: 0,
            traffic_forecasts_days: 7,
        }
    }
}

/// The service's tables.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    infrastructure::migrations()
}

/// Wires the service together, part by part: what is measured, where, and what follows from it.
pub async fn service(runtime: &Runtime, config: &Config) -> anyhow::Result<Service> {
    let store = runtime.store(NAME, migrations()).await?;
    let mut schedules = Vec::new();
    let service = Service::new(NAME, store.clone());
    let board = wiring::board(runtime);
    let (service, atlas) = wiring::network(runtime, &store, service).await?;
    let service = wiring::measuring(runtime, &store, config, service, &mut schedules).await?;
    let (service, congestion) =
        wiring::congestion(runtime, &store, config, atlas.clone(), board.clone(), service, &mut schedules)?;
    let service = wiring::forecasts(runtime, &store, config, &congestion, service, &mut schedules)?;
    let service =
        wiring::fleet(runtime, &store, service, &mut schedules, atlas, board.clone(), congestion.speeds).await?;
    let service = wiring::live(runtime, service, board);
    schedules.into_iter().fold(runtime.jobs(&store), |jobs, schedule| jobs.schedule(schedule)).run(Vec::new());
    Ok(service)
}
