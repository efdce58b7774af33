//! The tables and what reads and writes them.

use sea_orm_migration::MigrationTrait;

/// Every migration, oldest first: each part has its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    Vec::new()
}
