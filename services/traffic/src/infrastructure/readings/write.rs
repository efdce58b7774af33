//! Writes batches: each hour of a detector that they touch is read once, changed in memory and written once.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kvartal_kernel::Error;
use kvartal_store::db_error;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};

use super::partitions::{self, week_of};
use super::{in_list, unreadable};
use crate::application::readings::{Batch, Outcomes};
use crate::domain::block::{Block, hour_of};
use crate::domain::reading::{DetectorNo, Outcome};
use crate::domain::rollup::{self, FIVE};

/// Largest statement: rows. Statements have a power of two of rows, so that there are few different ones to prepare.
const ROWS_MAX: usize = 512;
/// An hour of which so many detectors are wanted is read from the first to the last of them.
const DENSE: usize = 400;
/// Blocks that are kept in memory before they are written.
const PORTION: usize = 4_096;

/// What a writing came to.
pub(super) struct Written {
    /// By batch.
    pub(super) outcomes: Vec<Outcomes>,
    /// Newest hour of each detector that was touched.
    pub(super) newest: HashMap<DetectorNo, i32>,
    /// Partitions that are known to be there.
    pub(super) weeks: HashSet<i32>,
}

/// What was known before: it saves statements.
pub(super) struct Known {
    pub(super) newest: HashMap<DetectorNo, i32>,
    pub(super) weeks: HashSet<i32>,
}

/// A reading's place among the batches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    hour: i32,
    detector: DetectorNo,
    batch: usize,
    index: usize,
}

/// Writes batches, one after another.
pub(super) async fn batches(
    tx: &DatabaseTransaction,
    batches: Vec<Arc<Batch>>,
    known: Known,
) -> Result<Written, Error> {
    let mut places: Vec<Place> = Vec::with_capacity(batches.iter().map(|batch| batch.readings.len()).sum());
    for (batch, content) in batches.iter().enumerate() {
        let each = content.readings.iter().enumerate();
        places.extend(each.map(|(index, (detector, time, _))| Place {
            hour: hour_of(*time),
            detector: *detector,
            batch,
            index,
        }));
    }
    places.sort_unstable();
    let mut weeks: HashSet<i32> = HashSet::new();
    if tx.get_database_backend() == DbBackend::Postgres {
        // Writers go one after another, in all replicas: whoever changes a block has read its newest state.
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('kvartal readings ' || current_schema(), 0))";
        tx.execute_unprepared(lock).await.map_err(db_error)?;
        weeks = places.iter().map(|place| week_of(place.hour)).filter(|week| !known.weeks.contains(week)).collect();
        if !weeks.is_empty() {
            partitions::ensure(tx, &weeks).await?;
        }
    }
    let mut work = Work {
        outcomes: batches.iter().map(|batch| vec![Outcome::Accepted; batch.readings.len()]).collect(),
        steps: BTreeSet::new(),
        newest: HashMap::new(),
        blocks: Vec::new(),
        rollups: Vec::new(),
    };
    let mut done = 0;
    for hour in places.chunk_by(|a, b| a.hour == b.hour) {
        work.hour(tx, &batches, hour).await?;
        done += hour.len();
        if work.blocks.len() >= PORTION {
            work.flush(tx).await?;
        }
        let behind = u32::try_from(done).unwrap_or(u32::MAX);
        batches
            .iter()
            .filter_map(|batch| batch.progress.as_ref())
            .for_each(|progress| _ = progress.send_replace(behind));
    }
    work.flush(tx).await?;
    work.newest.retain(|detector, hour| known.newest.get(detector).is_none_or(|there| there < hour));
    mark(tx, &work).await?;
    Ok(Written { outcomes: work.outcomes, newest: work.newest, weeks })
}

struct Work {
    outcomes: Vec<Outcomes>,
    /// Five minutes in which something changed.
    steps: BTreeSet<i64>,
    newest: HashMap<DetectorNo, i32>,
    blocks: Vec<(i32, i32, Vec<u8>)>,
    rollups: Vec<(i32, i32, Vec<u8>)>,
}

impl Work {
    /// Changes what one hour holds.
    async fn hour(&mut self, tx: &DatabaseTransaction, batches: &[Arc<Batch>], places: &[Place]) -> Result<(), Error> {
        let Some(hour) = places.first().map(|place| place.hour) else { return Ok(()) };
        let detectors: Vec<i32> = places
            .chunk_by(|a, b| a.detector == b.detector)
            .filter_map(|chunk| Some(chunk.first()?.detector.0))
            .collect();
        let mut there = load(tx, hour, &detectors).await?;
        for chunk in places.chunk_by(|a, b| a.detector == b.detector) {
            let Some(detector) = chunk.first().map(|place| place.detector) else { continue };
            let mut block = match there.remove(&detector.0) {
                Some(bytes) => Block::decode(hour, &bytes).map_err(|_| unreadable(hour, detector))?,
                None => Block::default(),
            };
            let mut changed = false;
            for place in chunk {
                let Some((_, time, values)) =
                    batches.get(place.batch).and_then(|batch| batch.readings.get(place.index))
                else {
                    continue;
                };
                let outcome = block.put(*time, *values);
                if let Some(slot) = self.outcomes.get_mut(place.batch).and_then(|all| all.get_mut(place.index)) {
                    *slot = outcome;
                }
                if outcome != Outcome::Duplicate {
                    changed = true;
                    self.steps.insert(time.div_euclid(FIVE));
                }
            }
            if changed {
                self.blocks.push((hour, detector.0, block.encode()));
                self.rollups.push((hour, detector.0, rollup::encode(&block)));
                // Hours come in order.
                self.newest.insert(detector, hour);
            }
        }
        Ok(())
    }

    async fn flush(&mut self, tx: &DatabaseTransaction) -> Result<(), Error> {
        upsert(tx, "reading_block", "readings", std::mem::take(&mut self.blocks)).await?;
        upsert(tx, "reading_rollup", "fives", std::mem::take(&mut self.rollups)).await
    }
}

/// Blocks of an hour as they are stored, by detector; `detectors` are in order.
async fn load(tx: &DatabaseTransaction, hour: i32, detectors: &[i32]) -> Result<HashMap<i32, Vec<u8>>, Error> {
    let (Some(first), Some(last)) = (detectors.first(), detectors.last()) else { return Ok(HashMap::new()) };
    let which = if detectors.len() > DENSE {
        format!("detector BETWEEN {first} AND {last}")
    } else {
        format!("detector IN ({})", in_list(detectors.iter()))
    };
    let sql = format!("SELECT detector, readings FROM reading_block WHERE hour = {hour} AND {which}");
    let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql)).await.map_err(db_error)?;
    let pair = |row: &sea_orm::QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    rows.iter().map(pair).collect::<Result<_, sea_orm::DbErr>>().map_err(db_error)
}

/// Writes rows in as few statements as there may be.
pub(super) async fn upsert(
    tx: &DatabaseTransaction,
    table: &str,
    column: &str,
    rows: Vec<(i32, i32, Vec<u8>)>,
) -> Result<(), Error> {
    let backend = tx.get_database_backend();
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let size = ROWS_MAX.min(1 << rows.len().ilog2());
        let places: Vec<String> = (0..size).map(|row| tuple(backend, row, 3)).collect();
        let sql = format!(
            "INSERT INTO {table} (hour, detector, {column}) VALUES {} \
             ON CONFLICT (hour, detector) DO UPDATE SET {column} = excluded.{column}",
            places.join(", ")
        );
        let values: Vec<Value> = rows
            .by_ref()
            .take(size)
            .flat_map(|(hour, detector, bytes)| [hour.into(), detector.into(), bytes.into()])
            .collect();
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map_err(db_error)?;
    }
    Ok(())
}

/// `($4, $5, $6)`, or `(?, ?, ?)`.
fn tuple(backend: DbBackend, row: usize, width: usize) -> String {
    let place = |column: usize| match backend {
        DbBackend::Postgres => format!("${}", row * width + column + 1),
        _ => "?".to_owned(),
    };
    format!("({})", (0..width).map(place).collect::<Vec<_>>().join(", "))
}

/// Notes the newest hour of each detector, and which five minutes congestion has to look at again.
async fn mark(tx: &DatabaseTransaction, work: &Work) -> Result<(), Error> {
    // In one order, so that two writers never wait for each other.
    let newest: std::collections::BTreeMap<i32, i32> =
        work.newest.iter().map(|(detector, hour)| (detector.0, *hour)).collect();
    let newest: Vec<String> = newest.iter().map(|(detector, hour)| format!("({detector}, {hour})")).collect();
    for chunk in newest.chunks(ROWS_MAX) {
        let sql = format!(
            "INSERT INTO detector_newest (detector, hour) VALUES {} ON CONFLICT (detector) DO UPDATE \
             SET hour = excluded.hour WHERE excluded.hour > detector_newest.hour",
            chunk.join(", ")
        );
        tx.execute_unprepared(&sql).await.map_err(db_error)?;
    }
    let steps: Vec<String> = work.steps.iter().map(|step| format!("({step}, 1)")).collect();
    for chunk in steps.chunks(ROWS_MAX) {
        let sql = format!(
            "INSERT INTO congestion_dirty (step, mark) VALUES {} ON CONFLICT (step) DO UPDATE \
             SET mark = congestion_dirty.mark + 1",
            chunk.join(", ")
        );
        tx.execute_unprepared(&sql).await.map_err(db_error)?;
    }
    Ok(())
}
