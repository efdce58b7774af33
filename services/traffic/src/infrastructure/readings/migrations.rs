//! The tables of readings: blocks and roll-ups by hour and detector.
//!
//! On SQLite they are trees by (hour, detector), so that what a city sends in a minute lies side by side. On PostgreSQL
//! they are partitioned by weeks, natively, or as hypertables where the database has TimescaleDB.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, SchemaManager};

use super::partitions::WEEK;

/// Every migration, oldest first.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateReadings)]
}

struct CreateReadings;

impl MigrationName for CreateReadings {
    fn name(&self) -> &str {
        "traffic_0110_create_readings"
    }
}

#[async_trait]
impl MigrationTrait for CreateReadings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let postgres = db.get_database_backend() == DbBackend::Postgres;
        let timescale = postgres && has_timescale(db).await?;
        let (bytes, suffix) = match (postgres, timescale) {
            (false, _) => ("BLOB", " WITHOUT ROWID"),
            (true, false) => ("BYTEA", " PARTITION BY RANGE (hour)"),
            (true, true) => ("BYTEA", ""),
        };
        for (table, column) in [("reading_block", "readings"), ("reading_rollup", "fives")] {
            let columns = format!("hour INTEGER NOT NULL, detector INTEGER NOT NULL, {column} {bytes} NOT NULL");
            let sql = format!("CREATE TABLE {table} ({columns}, PRIMARY KEY (hour, detector)){suffix}");
            db.execute_unprepared(&sql).await?;
            if timescale {
                let sql = format!("SELECT create_hypertable('{table}', 'hour', chunk_time_interval => {WEEK})");
                db.execute_unprepared(&sql).await?;
            }
        }
        let newest = "CREATE TABLE detector_newest (detector INTEGER NOT NULL PRIMARY KEY, hour INTEGER NOT NULL)";
        db.execute_unprepared(newest).await?;
        Ok(())
    }
}

/// Whether the extension is installed in this database.
async fn has_timescale(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'";
    Ok(db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?.is_some())
}
