//! The same readings as rows of a narrow table, with nothing around it: the fastest way that each database offers.

use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Connection as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, Statement, TransactionTrait as _, Value};

use super::feed::cpu_of_folder;
use super::line;
use crate::drive::cpu;

/// Rows of a transaction: as many as a call brings.
const BATCH: usize = 50_000;
/// Rows of a statement.
const CHUNK: usize = 4_000;
const TABLE: &str = "CREATE TABLE reading (detector INTEGER NOT NULL, time BIGINT NOT NULL, speed INTEGER, \
                     occupancy INTEGER, count INTEGER, PRIMARY KEY (time, detector))";

fn row(n: usize, detectors: usize) -> [i64; 5] {
    let n = n as i64;
    let detectors = detectors as i64;
    [n % detectors, 1_577_836_800 + n / detectors * 60, n % 90_000, n % 40_000, n % 30]
}

/// Inserts of many rows, a transaction for each batch, everything synced.
pub(super) async fn sqlite(detectors: usize, readings: usize) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("bare.sqlite").display());
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    for sql in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", &format!("{TABLE} WITHOUT ROWID")] {
        db.execute_unprepared(sql).await.unwrap();
    }
    let (before, started) = (cpu(std::process::id()), Instant::now());
    let mut done = 0;
    while done < readings {
        let tx = db.begin().await.unwrap();
        for first in (done..done + BATCH).step_by(CHUNK) {
            let count = CHUNK.min(done + BATCH - first);
            let places = vec!["(?, ?, ?, ?, ?)"; count].join(", ");
            let sql = format!("INSERT INTO reading VALUES {places} ON CONFLICT DO UPDATE SET speed = excluded.speed");
            let values: Vec<Value> = (first..first + count).flat_map(|n| row(n, detectors).map(Value::from)).collect();
            tx.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await.unwrap();
        }
        tx.commit().await.unwrap();
        done += BATCH;
    }
    let used = cpu(std::process::id()).saturating_sub(before);
    line("bare: INSERT of 4,000 rows, a transaction of 50,000, SQLite", done, used, started.elapsed());
}

/// COPY, a transaction for each batch.
pub(super) async fn postgres(url: &str, folder: &str, detectors: usize, readings: usize) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(TABLE).execute(&mut connection).await.unwrap();
    let used = || cpu(std::process::id()) + cpu_of_folder(folder);
    let (before, started): (Duration, Instant) = (used(), Instant::now());
    let mut done = 0;
    while done < readings {
        let mut text = String::with_capacity(BATCH * 40);
        for n in done..done + BATCH {
            let [detector, time, speed, occupancy, count] = row(n, detectors);
            text.push_str(&format!("{detector}\t{time}\t{speed}\t{occupancy}\t{count}\n"));
        }
        let mut copy = connection.copy_in_raw("COPY reading FROM STDIN").await.unwrap();
        copy.send(text.as_bytes()).await.unwrap();
        copy.finish().await.unwrap();
        done += BATCH;
    }
    line("bare: COPY of 50,000 rows, PostgreSQL", done, used().saturating_sub(before), started.elapsed());
}
