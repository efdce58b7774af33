//! The tables and what reads and writes them.

mod detectors;
mod readings;

use sea_orm_migration::MigrationTrait;

pub use detectors::StoredDetectors;
pub use readings::StoredReadings;

/// Every migration, oldest first: each part has its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    let parts = [detectors::migrations(), readings::migrations()];
    parts.into_iter().flatten().collect()
}
