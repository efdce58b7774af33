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

/// What can be configured.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {
    /// How many days readings are kept; 0 for ever. Imported history counts by its own time.
    #[arg(long, env = "KVARTAL_TRAFFIC_READINGS_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_readings_days: u32,
    /// How many days roll-ups of 5 and 15 minutes are kept; 0 for ever. Those of the hour always stay.
    #[arg(long, env = "KVARTAL_TRAFFIC_ROLLUPS_DAYS", default_value_t = 0, value_name = "DAYS")]
    pub traffic_rollups_days: u32,
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
        wiring::congestion(runtime, &store, atlas.clone(), board.clone(), service, &mut schedules)?;
    let service = wiring::forecasts(runtime, &store, &congestion, service, &mut schedules)?;
    let service =
        wiring::fleet(runtime, &store, service, &mut schedules, atlas, board.clone(), congestion.speeds).await?;
    let service = wiring::live(runtime, service, board);
    schedules.into_iter().fold(runtime.jobs(&store), |jobs, schedule| jobs.schedule(schedule)).run(Vec::new());
    Ok(service)
}
