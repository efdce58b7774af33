//! Readings in a database: one block of bytes and one roll-up for each detector and hour.

mod migrations;
mod partitions;
mod write;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use kvartal_kernel::Error;
use kvartal_store::{Store, db_error};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Statement};

use crate::application::readings::{Batch, Outcomes, Readings, Retention};
use crate::domain::block::Block;
use crate::domain::reading::{DetectorNo, Reading};
use crate::domain::rollup::{self, Aggregate};
use write::{Known, Written};

pub(crate) use migrations::migrations;

/// Rows removed at a time.
const PRUNED: u32 = 5_000;

/// Readings in a database.
pub struct StoredReadings {
    store: Store,
    /// Newest hours and partitions that are known to be stored.
    known: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    newest: HashMap<DetectorNo, i32>,
    weeks: HashSet<i32>,
}

impl StoredReadings {
    /// In this one.
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    async fn rows(&self, sql: String) -> Result<Vec<QueryResult>, Error> {
        let db = self.store.reader();
        db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.map_err(db_error)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is stored is not what this version writes.
fn unreadable(hour: i32, detector: DetectorNo) -> Error {
    Error::internal(format!("the readings of detector {} in hour {hour} cannot be read", detector.0))
}

/// `1, 2, 3`: numbers need no parameters.
fn in_list<T: ToString>(numbers: impl Iterator<Item = T>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

/// A column of a row.
fn column<T: sea_orm::TryGetable>(row: &QueryResult, place: usize) -> Result<T, Error> {
    row.try_get_by_index(place).map_err(db_error)
}

fn block(row: &QueryResult) -> Result<(DetectorNo, Block), Error> {
    let (hour, detector) = (column(row, 0)?, DetectorNo(column(row, 1)?));
    let bytes: Vec<u8> = column(row, 2)?;
    Ok((detector, Block::decode(hour, &bytes).map_err(|_| unreadable(hour, detector))?))
}

fn fives(row: &QueryResult) -> Result<(DetectorNo, Vec<Aggregate>), Error> {
    let (hour, detector) = (column(row, 0)?, DetectorNo(column(row, 1)?));
    let bytes: Vec<u8> = column(row, 2)?;
    Ok((detector, rollup::decode(hour, &bytes).map_err(|_| unreadable(hour, detector))?))
}

#[async_trait]
impl Readings for StoredReadings {
    async fn store(&self, batches: Vec<Arc<Batch>>) -> Result<Vec<Outcomes>, Error> {
        let known = {
            let memory = self.memory();
            Known { newest: memory.newest.clone(), weeks: memory.weeks.clone() }
        };
        let written = self.store.transaction(move |tx| Box::pin(write::batches(tx, batches, known))).await?;
        let Written { outcomes, newest, weeks } = written;
        let mut memory = self.memory();
        memory.newest.extend(newest);
        memory.weeks.extend(weeks);
        Ok(outcomes)
    }

    async fn blocks(&self, detector: DetectorNo, from: i32, to: i32) -> Result<Vec<Block>, Error> {
        // A list, not a range: the key begins with the hour, and a range would lead through every detector's.
        let sql = format!(
            "SELECT hour, detector, readings FROM reading_block WHERE hour IN ({}) AND detector = {} ORDER BY hour",
            in_list(from..=to),
            detector.0
        );
        self.rows(sql).await?.iter().map(|row| Ok(block(row)?.1)).collect()
    }

    async fn blocks_of(
        &self,
        detectors: (DetectorNo, DetectorNo),
        from: i32,
        to: i32,
    ) -> Result<HashMap<DetectorNo, Vec<Reading>>, Error> {
        let sql = format!(
            "SELECT hour, detector, readings FROM reading_block WHERE hour IN ({}) AND detector BETWEEN {} AND {} \
             ORDER BY hour",
            in_list(from..=to),
            detectors.0.0,
            detectors.1.0
        );
        let mut found: HashMap<DetectorNo, Vec<Reading>> = HashMap::new();
        for row in self.rows(sql).await? {
            let (detector, block) = block(&row)?;
            found.entry(detector).or_default().extend(block.readings());
        }
        Ok(found)
    }

    async fn fives(&self, detector: DetectorNo, from: i32, to: i32) -> Result<Vec<Aggregate>, Error> {
        let sql = format!(
            "SELECT hour, detector, fives FROM reading_rollup WHERE hour IN ({}) AND detector = {} ORDER BY hour",
            in_list(from..=to),
            detector.0
        );
        let mut found = Vec::new();
        for row in self.rows(sql).await? {
            found.extend(fives(&row)?.1);
        }
        Ok(found)
    }

    async fn grid(&self, hour: i32, after: DetectorNo, limit: u64) -> Result<Vec<(DetectorNo, Vec<Aggregate>)>, Error> {
        let sql = format!(
            "SELECT hour, detector, fives FROM reading_rollup WHERE hour = {hour} AND detector > {} \
             ORDER BY detector LIMIT {limit}",
            after.0
        );
        self.rows(sql).await?.iter().map(fives).collect()
    }

    async fn newest(&self, detectors: &[DetectorNo]) -> Result<HashMap<DetectorNo, Reading>, Error> {
        if detectors.is_empty() {
            return Ok(HashMap::new());
        }
        let numbers = in_list(detectors.iter().map(|detector| detector.0));
        let sql = format!(
            "SELECT b.hour, b.detector, b.readings FROM detector_newest n \
             JOIN reading_block b ON b.hour = n.hour AND b.detector = n.detector WHERE n.detector IN ({numbers})"
        );
        let mut found = HashMap::new();
        for row in self.rows(sql).await? {
            let (detector, block) = block(&row)?;
            found.extend(block.readings().last().map(|reading| (detector, *reading)));
        }
        Ok(found)
    }

    async fn prune(&self, retention: Retention) -> Result<bool, Error> {
        let more = self.store.transaction(move |tx| Box::pin(prune(tx, retention))).await?;
        // What was remembered of partitions may be gone.
        self.memory().weeks.clear();
        Ok(more)
    }
}

/// Removes readings that are too old, and makes one aggregate of the five minutes of hours that are too old.
async fn prune(tx: &DatabaseTransaction, retention: Retention) -> Result<bool, Error> {
    let backend = tx.get_database_backend();
    let mut more = false;
    if let Some(before) = retention.readings_before {
        if backend == sea_orm::DbBackend::Postgres {
            partitions::drop_before(tx, "reading_block", before).await?;
        }
        let sql = format!(
            "DELETE FROM reading_block WHERE (hour, detector) IN \
             (SELECT hour, detector FROM reading_block WHERE hour < {before} LIMIT {PRUNED})"
        );
        more |= tx.execute_unprepared(&sql).await.map_err(db_error)?.rows_affected() > 0;
    }
    if let Some(before) = retention.fives_before {
        // A roll-up that is one aggregate already is not longer than this.
        let sql = format!(
            "SELECT hour, detector, fives FROM reading_rollup WHERE hour < {before} AND length(fives) > {} LIMIT {PRUNED}",
            rollup::HOUR_BYTES_MAX
        );
        let rows = tx.query_all_raw(Statement::from_string(backend, sql)).await.map_err(db_error)?;
        let shorter = rows.iter().map(|row| {
            let hour: i32 = column(row, 0)?;
            let (detector, all) = fives(row)?;
            Ok((hour, detector.0, rollup::encode_hour(&all)))
        });
        let shorter = shorter.collect::<Result<Vec<_>, Error>>()?;
        more |= !shorter.is_empty();
        write::upsert(tx, "reading_rollup", "fives", shorter).await?;
    }
    Ok(more)
}
