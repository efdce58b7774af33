//! The tables and what reads and writes them.

mod fleet;
mod network;

use sea_orm_migration::MigrationTrait;

pub use fleet::{FrameProcessor, IncidentClient, StoredCameras, StoredPatrols};
pub use network::StoredRoads;

/// Every migration, oldest first: each part has its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    network::migrations().into_iter().chain(fleet::migrations()).collect()
}
