//! The tables of readings: blocks and roll-ups by hour and detector.
//!
//! On SQLite they are trees by (hour, detector), so that what a city sends in a minute lies side by side. On PostgreSQL
//! they are partitioned by weeks, natively, or as hypertables where the database has TimescaleDB.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, SchemaManager};

use super::partitions::{WEEK, timescale};

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
        let timescale = if postgres { timescale(db).await? } else { None };
        let (bytes, suffix) = match (postgres, &timescale) {
            (false, _) => ("BLOB", " WITHOUT ROWID"),
            (true, None) => ("BYTEA", " PARTITION BY RANGE (hour)"),
            (true, Some(_)) => ("BYTEA", ""),
        };
        for (table, column) in [("reading_block", "readings"), ("reading_rollup", "fives")] {
            let columns = format!("hour INTEGER NOT NULL, detector INTEGER NOT NULL, {column} {bytes} NOT NULL");
            let sql = format!("CREATE TABLE {table} ({columns}, PRIMARY KEY (hour, detector)){suffix}");
            db.execute_unprepared(&sql).await?;
            if let Some(schema) = &timescale {
                // The key serves every question; the index that it would make by itself serves none.
                let sql = format!(
                    "SELECT {schema}.create_hypertable('{table}', 'hour', chunk_time_interval => {WEEK}, \
                     create_default_indexes => false)"
                );
                db.execute_unprepared(&sql).await?;
            }
        }
        let newest = "CREATE TABLE detector_newest (detector INTEGER NOT NULL PRIMARY KEY, hour INTEGER NOT NULL)";
        db.execute_unprepared(newest).await?;
        Ok(())
    }
}
