//! Partitions of PostgreSQL: a week each, made when the first reading of a week comes, dropped as a whole.

use std::collections::HashSet;

use kvartal_kernel::Error;
use kvartal_store::db_error;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

/// Hours of a partition.
pub(super) const WEEK: i32 = 168;
/// The partitioned tables.
pub(super) const TABLES: [&str; 2] = ["reading_block", "reading_rollup"];

/// The partition that an hour belongs to.
pub(super) fn week_of(hour: i32) -> i32 {
    hour.div_euclid(WEEK)
}

/// Makes the partitions of these weeks where they are missing. Whoever calls holds the lock of writers. Where TimescaleDB
/// looks after partitions there is nothing to do.
pub(super) async fn ensure(tx: &DatabaseTransaction, weeks: &HashSet<i32>) -> Result<(), Error> {
    if !native(tx).await? {
        return Ok(());
    }
    for week in weeks {
        let (from, to) = (week * WEEK, (week + 1) * WEEK);
        for table in TABLES {
            let name = name(table, *week);
            let sql =
                format!("CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ({from}) TO ({to})");
            tx.execute_unprepared(&sql).await.map_err(db_error)?;
        }
    }
    Ok(())
}

fn name(table: &str, week: i32) -> String {
    format!("{table}_w{week}")
}

/// Whether the tables are partitioned by PostgreSQL itself.
async fn native(tx: &DatabaseTransaction) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM pg_class WHERE oid = to_regclass('reading_block') AND relkind = 'p'";
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.map_err(db_error)?;
    Ok(row.is_some())
}

/// The schema of TimescaleDB's functions, ready for SQL, where it is installed in this database: it need not be one of the
/// service's search path.
pub(super) async fn timescale(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let sql = "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
               WHERE e.extname = 'timescaledb'";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// Drops partitions of a table that lie wholly before an hour.
pub(super) async fn drop_before(tx: &DatabaseTransaction, table: &str, hour: i32) -> Result<(), Error> {
    if !native(tx).await? {
        if let Some(schema) = timescale(tx).await.map_err(db_error)? {
            let sql = format!("SELECT {schema}.drop_chunks('{table}', older_than => {hour})");
            tx.execute_unprepared(&sql).await.map_err(db_error)?;
        }
        return Ok(());
    }
    let sql = format!(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = to_regclass('{table}')"
    );
    let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.map_err(db_error)?;
    for row in rows {
        let partition: String = row.try_get_by_index(0).map_err(db_error)?;
        let week = partition.strip_prefix(table).and_then(|rest| rest.strip_prefix("_w")?.parse::<i32>().ok());
        if week.is_some_and(|week| (week + 1) * WEEK <= hour) {
            tx.execute_unprepared(&format!("DROP TABLE {partition}")).await.map_err(db_error)?;
        }
    }
    Ok(())
}
