//! Detectors in a database.

mod migrations;
pub(super) mod rows;

use std::collections::HashMap;

use async_trait::async_trait;
use kvartal_events::{Event, outbox};
use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp, Uuid, Version};
use kvartal_proto::traffic::v1 as pb;
use kvartal_store::{Store, db_error, keyset};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, NotSet, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use crate::NAME;
use crate::application::detectors::{DetectorFilter, Detectors, HealthEvent, PutCounts, Verdict};
use crate::domain::detector::{Detector, DetectorFacts, Health};
use crate::domain::health::Rules;
use crate::domain::reading::DetectorNo;
use rows::detector::{Column, Entity, Model};
use rows::event;

pub(crate) use migrations::migrations;

/// Rows in one statement.
const CHUNK: usize = 500;

/// Detectors in a database.
pub struct StoredDetectors {
    store: Store,
}

impl StoredDetectors {
    /// In this one.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

fn filtered(filter: &DetectorFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some([south, west, north, east]) = filter.bounds {
        let inside = Column::Latitude.between(south, north).and(Column::Longitude.between(west, east));
        select = select.filter(inside);
    }
    if !filter.segment.is_empty() {
        select = select.filter(Column::SegmentId.eq(&filter.segment));
    }
    if !filter.healths.is_empty() {
        select = select.filter(Column::Health.is_in(filter.healths.iter().map(|health| *health as i16)));
    }
    if !filter.kinds.is_empty() {
        select = select.filter(Column::Kind.is_in(filter.kinds.iter().map(|kind| kind.number())));
    }
    select
}

#[async_trait]
impl Detectors for StoredDetectors {
    async fn numbers(&self) -> Result<Vec<(String, DetectorNo, bool)>, Error> {
        let columns = Entity::find().select_only().columns([Column::Id, Column::Number, Column::Retired]);
        let rows: Vec<(String, i32, bool)> = columns.into_tuple().all(self.store.reader()).await.map_err(db_error)?;
        Ok(rows.into_iter().map(|(id, number, retired)| (id, DetectorNo(number), retired)).collect())
    }

    async fn get(&self, id: &str) -> Result<Option<Detector>, Error> {
        let row = Entity::find().filter(Column::Id.eq(id)).one(self.store.reader()).await.map_err(db_error)?;
        row.map(Detector::try_from).transpose()
    }

    async fn page(&self, filter: &DetectorFilter, request: PageRequest) -> Result<Page<Detector>, Error> {
        let after = request.after.map_or(0, |cursor| cursor.key);
        let rows = filtered(filter)
            .filter(Column::Number.gt(after))
            .order_by_asc(Column::Number)
            .limit(u64::from(request.size) + 1)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let found = rows.into_iter().map(Detector::try_from).collect::<Result<Vec<_>, _>>()?;
        let cursor = |detector: &Detector| Cursor { key: detector.number.0.into(), id: Uuid::nil() };
        Ok(Page::from_surplus(found, request.size, cursor))
    }

    async fn after(&self, number: DetectorNo, limit: u64) -> Result<Vec<Detector>, Error> {
        let select = Entity::find().filter(Column::Number.gt(number.0)).filter(Column::Retired.eq(false));
        let rows = select.order_by_asc(Column::Number).limit(limit).all(self.store.reader()).await;
        rows.map_err(db_error)?.into_iter().map(Detector::try_from).collect()
    }

    async fn put(&self, new: Vec<(String, DetectorFacts)>, now: Timestamp) -> Result<PutCounts, Error> {
        self.store.transaction(move |tx| Box::pin(put(tx, new, now))).await
    }

    async fn save(&self, detector: Detector) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(async move { save(tx, &detector).await })).await
    }

    async fn judge(&self, verdicts: Vec<Verdict>) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(judge(tx, verdicts))).await
    }

    async fn health_events(&self, of: Option<DetectorNo>, request: PageRequest) -> Result<Page<HealthEvent>, Error> {
        let mut select = event::Entity::find();
        if let Some(number) = of {
            select = select.filter(event::Column::Detector.eq(number.0));
        }
        let rows = keyset::descending(select, event::Column::Found, event::Column::Id, &request)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let found = rows.into_iter().map(HealthEvent::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::from_surplus(found, request.size, |event| Cursor { key: event.found.0, id: event.id }))
    }
}

async fn put(tx: &DatabaseTransaction, new: Vec<(String, DetectorFacts)>, now: Timestamp) -> Result<PutCounts, Error> {
    let mut counts = PutCounts::default();
    for chunk in new.chunks(CHUNK) {
        let ids = chunk.iter().map(|(id, _)| id.as_str());
        let rows = Entity::find().filter(Column::Id.is_in(ids)).all(tx).await.map_err(db_error)?;
        let there = rows.into_iter().map(|row| Ok((row.id.clone(), Detector::try_from(row)?)));
        let there = there.collect::<Result<HashMap<_, _>, Error>>()?;
        let mut fresh = Vec::new();
        for (id, facts) in chunk {
            match there.get(id) {
                Some(old) if old.facts == *facts && !old.retired => counts.unchanged += 1,
                Some(old) => {
                    let (facts, version) = (facts.clone(), old.version.next());
                    let new = Detector { facts, retired: false, updated: now, version, ..old.clone() };
                    save(tx, &new).await?;
                    counts.updated += 1;
                }
                None => {
                    fresh.push(added(id, facts, now));
                    counts.created += 1;
                }
            }
        }
        if !fresh.is_empty() {
            let rows = fresh.iter().map(|detector| {
                let mut row = Model::from(detector).into_active_model();
                row.number = NotSet;
                row
            });
            Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
        }
    }
    Ok(counts)
}

fn added(id: &str, facts: &DetectorFacts, now: Timestamp) -> Detector {
    Detector {
        number: DetectorNo(0),
        id: id.to_owned(),
        facts: facts.clone(),
        retired: false,
        broken: None,
        health_time: None,
        created: now,
        updated: now,
        version: Version::FIRST,
    }
}

/// Writes a detector whose version is one ahead of the stored one.
async fn save(tx: &DatabaseTransaction, detector: &Detector) -> Result<(), Error> {
    let row = Model::from(detector).into_active_model().reset_all();
    let before = detector.version.0 - 1;
    let update = Entity::update_many().set(row).filter(Column::Number.eq(detector.number.0));
    let done = update.filter(Column::Version.eq(before)).exec(tx).await.map_err(db_error)?;
    if done.rows_affected == 1 { Ok(()) } else { Err(Error::conflict()) }
}

/// A verdict is no change of the detector: its version stays.
async fn judge(tx: &DatabaseTransaction, verdicts: Vec<Verdict>) -> Result<(), Error> {
    let mut told = Vec::new();
    for Verdict { detector, before, after, events, time } in verdicts {
        let known = Model::from(&detector).broken;
        let judged = Detector { broken: after, health_time: Some(time), ..detector };
        let row = Model::from(&judged);
        let update = Entity::update_many()
            .col_expr(Column::Broken, row.broken.into())
            .col_expr(Column::HealthTime, row.health_time.into())
            .col_expr(Column::Health, row.health.into())
            .filter(Column::Number.eq(row.number))
            .filter(Column::Version.eq(row.version))
            // Somebody else may have judged it meanwhile, and told of it.
            .filter(known.map_or_else(|| Column::Broken.is_null(), |known| Column::Broken.eq(known)));
        if update.exec(tx).await.map_err(db_error)?.rows_affected == 0 {
            continue;
        }
        if !events.is_empty() {
            let rows = events.iter().map(|event| event::Model::from(event).into_active_model());
            event::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
        }
        told.extend(news(&judged, before, &events, time));
    }
    outbox::append(tx, told).await
}

/// What the other services are told: that a detector failed, or can be believed again.
fn news(detector: &Detector, before: Option<Rules>, events: &[HealthEvent], time: Timestamp) -> Option<Event> {
    let failed = before.is_some_and(|rules| !rules.is_empty());
    let (detector_id, display_name) = (detector.id.clone(), detector.facts.name.clone());
    match detector.health() {
        Health::Failed if !failed => {
            let details: Vec<&str> = events.iter().map(|event| event.detail.as_str()).collect();
            let broken_rules = detector.broken_rules().map(|rule| rule as i32).collect();
            let message = pb::DetectorFailed {
                detector_id,
                display_name,
                broken_rules,
                detail: details.join("; "),
                location: detector.facts.location.map(|(latitude, longitude)| pb::LatLng { latitude, longitude }),
                segment_id: detector.facts.segment.clone(),
            };
            Some(Event::new(NAME, &detector.id, time, &message))
        }
        Health::Good if failed => {
            Some(Event::new(NAME, &detector.id, time, &pb::DetectorRecovered { detector_id, display_name }))
        }
        _ => None,
    }
}
