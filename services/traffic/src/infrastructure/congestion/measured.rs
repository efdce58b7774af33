//! What congestion reads of detectors and their five-minute roll-ups.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use kvartal_kernel::{Error, Timestamp};
use kvartal_store::{Store, db_error};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Statement,
};

use super::rows::dirty;
use crate::application::congestion::ports::{Dirty, Measurements};
use crate::domain::city::{Measured, Placed, SegmentName};
use crate::domain::detector::Detector;
use crate::domain::health::Rule;
use crate::domain::rollup::{self, Aggregate};
use crate::domain::step::Step;
use crate::infrastructure::detectors::rows::detector;

/// Steps of an hour.
const HOUR: i64 = 12;
/// Hours read by one statement.
const HOURS_MAX: i64 = 400;

/// Measurements in a database.
#[derive(Clone)]
pub struct StoredMeasurements {
    store: Store,
}

/// A detector as congestion needs it.
struct Known {
    id: String,
    /// From when on it cannot be believed.
    failed: Option<Timestamp>,
}

impl StoredMeasurements {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    async fn known(&self) -> Result<HashMap<i32, Known>, Error> {
        let rows = detector::Entity::find().all(self.store.reader()).await.map_err(db_error)?;
        let known = |row: detector::Model| {
            let (number, id) = (row.number, row.id.clone());
            let detector = Detector::try_from(row)?;
            // What a detector sent before it fell silent is as good as ever.
            let broken = detector.broken_rules().any(|rule| rule != Rule::Silent);
            Ok((number, Known { id, failed: detector.health_time.filter(|_| broken) }))
        };
        rows.into_iter().map(known).collect()
    }

    async fn rows(&self, sql: String) -> Result<Vec<QueryResult>, Error> {
        let db = self.store.reader();
        db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.map_err(db_error)
    }

    /// Roll-ups of these hours, both included; of one detector or of all.
    async fn rollups(&self, from: i64, to: i64, of: Option<i32>) -> Result<Vec<(i32, Vec<Aggregate>)>, Error> {
        let mut found = Vec::new();
        let mut hour = from;
        while hour <= to {
            let last = to.min(hour + HOURS_MAX - 1);
            let which = match of {
                // A list, not a range: the key begins with the hour.
                Some(detector) => {
                    let hours: Vec<String> = (hour..=last).map(|hour| hour.to_string()).collect();
                    format!("hour IN ({}) AND detector = {detector}", hours.join(", "))
                }
                None => format!("hour BETWEEN {hour} AND {last}"),
            };
            let sql = format!("SELECT hour, detector, fives FROM reading_rollup WHERE {which} ORDER BY hour, detector");
            for row in self.rows(sql).await? {
                let hour: i32 = row.try_get_by_index(0).map_err(db_error)?;
                let detector: i32 = row.try_get_by_index(1).map_err(db_error)?;
                let bytes: Vec<u8> = row.try_get_by_index(2).map_err(db_error)?;
                let fives = rollup::decode(hour, &bytes);
                found.push((detector, fives.map_err(|_| Error::internal("a roll-up cannot be read"))?));
            }
            hour = last + 1;
        }
        Ok(found)
    }
}

/// The five minutes of an aggregate; `None` for the longer ones that old readings are made into.
fn step(aggregate: &Aggregate) -> Option<Step> {
    (aggregate.span == rollup::FIVE).then(|| Step(aggregate.start.div_euclid(rollup::FIVE)))
}

/// A mean in the units of the domain, from whole small ones.
fn scaled(mean: Option<f64>, by: f64) -> Option<f64> {
    mean.map(|mean| mean / by)
}

fn measured(aggregate: &Aggregate) -> Measured {
    Measured {
        speed_kmh: scaled(aggregate.speed.mean(), 1_000.0),
        occupancy: scaled(aggregate.occupancy.mean(), 100_000.0),
        vehicles: aggregate.count.mean().map(|mean| mean * f64::from(aggregate.count.samples)),
    }
}

#[async_trait]
impl Measurements for StoredMeasurements {
    async fn between(&self, from: Step, to: Step) -> Result<BTreeMap<Step, BTreeMap<String, Measured>>, Error> {
        let known = self.known().await?;
        let mut steps: BTreeMap<Step, BTreeMap<String, Measured>> = BTreeMap::new();
        for (number, fives) in self.rollups(from.0.div_euclid(HOUR), to.0.div_euclid(HOUR), None).await? {
            let Some(detector) = known.get(&number) else { continue };
            for five in &fives {
                let Some(step) = step(five).filter(|step| (from..=to).contains(step)) else { continue };
                if detector.failed.is_none_or(|failed| step.start() < failed) {
                    steps.entry(step).or_default().insert(detector.id.clone(), measured(five));
                }
            }
        }
        Ok(steps)
    }

    async fn next(&self, from: Step, to: Step) -> Result<Option<Step>, Error> {
        let (first, last) = (from.0.div_euclid(HOUR).max(i64::from(i32::MIN)), to.0.div_euclid(HOUR));
        // The hour in which it begins may hold earlier steps only: then the next one tells.
        let sql = format!(
            "SELECT DISTINCT hour FROM reading_rollup WHERE hour BETWEEN {first} AND {last} ORDER BY hour LIMIT 2"
        );
        for row in self.rows(sql).await? {
            let hour: i32 = row.try_get_by_index(0).map_err(db_error)?;
            let steps = self.rollups(hour.into(), hour.into(), None).await?;
            let steps = steps.iter().flat_map(|(_, fives)| fives.iter().filter_map(step));
            if let Some(next) = steps.filter(|step| (from..=to).contains(step)).min() {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    async fn speeds(&self, detector: &str, from: Step, to: Step) -> Result<BTreeMap<Step, f64>, Error> {
        let row = detector::Entity::find().filter(detector::Column::Id.eq(detector));
        let Some(row) = row.one(self.store.reader()).await.map_err(db_error)? else { return Ok(BTreeMap::new()) };
        let rollups = self.rollups(from.0.div_euclid(HOUR), to.0.div_euclid(HOUR), Some(row.number)).await?;
        let fives = rollups.iter().flat_map(|(_, fives)| fives);
        let speed = |five: &Aggregate| Some((step(five)?, measured(five).speed_kmh?));
        Ok(fives.filter_map(speed).filter(|(step, _)| (from..=to).contains(step)).collect())
    }

    async fn placed(&self) -> Result<Vec<Placed>, Error> {
        let rows = detector::Entity::find().filter(detector::Column::SegmentId.ne(""));
        let rows = rows.filter(detector::Column::Retired.eq(false)).order_by_asc(detector::Column::Id);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let placed = |row: detector::Model| Placed {
            detector: row.id,
            segment: SegmentName(row.segment_id),
            offset_m: row.segment_offset_m,
        };
        Ok(rows.into_iter().map(placed).collect())
    }

    async fn placing(&self) -> Result<(i64, i64), Error> {
        let sql = "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT), COUNT(*) FROM detector";
        let rows = self.rows(sql.to_owned()).await?;
        let row = rows.first().ok_or_else(|| Error::internal("an aggregate without a row"))?;
        Ok((row.try_get_by_index(0).map_err(db_error)?, row.try_get_by_index(1).map_err(db_error)?))
    }

    async fn dirty(&self, to: Step, limit: u64) -> Result<Vec<Dirty>, Error> {
        let rows = dirty::Entity::find().filter(dirty::Column::Step.lte(to.0));
        let rows =
            rows.order_by_asc(dirty::Column::Step).limit(limit).all(self.store.reader()).await.map_err(db_error)?;
        Ok(rows.into_iter().map(|row| Dirty { step: Step(row.step), mark: row.mark }).collect())
    }
}
