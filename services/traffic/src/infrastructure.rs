//! The tables and what reads and writes them.

mod congestion;
mod detectors;
mod fleet;
mod forecasts;
mod network;
mod readings;

use sea_orm_migration::MigrationTrait;

pub(crate) use congestion::StoredBook;
pub use congestion::{StoredFreeFlows, StoredLog, StoredMeasurements};
pub use detectors::StoredDetectors;
pub use fleet::{FrameProcessor, IncidentClient, StoredCameras, StoredPatrols};
pub(crate) use forecasts::StoredForecasts;
pub use network::StoredRoads;
pub use readings::StoredReadings;

/// Every migration, oldest first: each part has its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    let parts = [
        detectors::migrations(),
        readings::migrations(),
        network::migrations(),
        fleet::migrations(),
        congestion::migrations(),
        forecasts::migrations(),
    ];
    parts.into_iter().flatten().collect()
}
