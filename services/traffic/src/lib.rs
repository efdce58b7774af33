//! The traffic service.

#![doc = include_str!("../README.md")]

pub mod application;
pub mod domain;
pub mod infrastructure;
pub mod presentation;
mod wiring;

use std::sync::Arc;

use kvartal_host::{Runtime, Service};
use sea_orm_migration::MigrationTrait;

/// Name of the service.
pub const NAME: &str = "traffic";

/// What can be configured: nothing so far.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {}

/// The service's tables.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    infrastructure::migrations()
}

/// Wires the service together, part by part: what is measured, where, and what follows from it.
pub async fn service(runtime: &Runtime, _config: &Config) -> anyhow::Result<Service> {
    let store = runtime.store(NAME, migrations()).await?;
    let mut schedules = Vec::new();
    let service = Service::new(NAME, store.clone());
    let board = wiring::board(runtime);
    let (service, atlas) = wiring::network(runtime, &store, service).await?;
    let service = wiring::measuring(runtime, &store, service, &mut schedules).await?;
    let service = wiring::congestion(runtime, &store, service, &mut schedules).await?;
    let service = wiring::forecasts(runtime, &store, service, &mut schedules).await?;
    let speeds = Arc::new(application::patrols::NoSpeeds);
    let service =
        wiring::fleet(runtime, &store, service, &mut schedules, atlas, board.clone(), speeds).await?;
    let service = wiring::live(runtime, service, board);
    schedules.into_iter().fold(runtime.jobs(&store), |jobs, schedule| jobs.schedule(schedule)).run(Vec::new());
    Ok(service)
}
