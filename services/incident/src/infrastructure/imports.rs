//! Editions of feeds, each one transaction.

use std::collections::{BTreeMap, HashMap};

use kvartal_kernel::{Error, Timestamp, Uuid};
use kvartal_store::db_error;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::persist::{self, Trail};
use super::rows::{feed, incident, report, road_event};
use crate::application::ports::DecideImport;
use crate::domain::case::{Case, TrackedIncident, TrackedReport};
use crate::domain::feed::{ImportCounts, KnownEvent};
use crate::domain::report::ReportId;

/// Rows of one statement.
const ROWS_MAX: usize = 500;

/// Reads what is known of the source, decides, stores.
pub(super) async fn import(
    tx: &DatabaseTransaction,
    source: String,
    events: Vec<String>,
    validate_only: bool,
    now: Timestamp,
    decide: DecideImport,
) -> Result<ImportCounts, Error> {
    if !validate_only {
        enter(tx, &source, now).await?;
    }
    let known = known(tx, &source, events).await?;
    let plan = decide(known)?;
    if validate_only {
        return Ok(plan.counts);
    }
    let mut trail = Trail::default();
    let new: Vec<&TrackedIncident> = plan
        .cases
        .iter()
        .filter_map(|case| case.incident.as_ref())
        .filter(|incident| incident.read.is_none())
        .collect();
    for incident in &new {
        trail.incident(incident);
    }
    persist::insert_incidents(tx, new).await?;
    for case in plan.cases.iter().filter(|case| case.incident.as_ref().is_some_and(|now| now.read.is_some())) {
        persist::store(tx, case, &mut trail, now).await?;
    }
    store_features(tx, &source, plan.features).await?;
    for ids in plan.gone.chunks(ROWS_MAX) {
        road_event::Entity::update_many()
            .col_expr(road_event::Column::Gone, true.into())
            .filter(road_event::Column::Source.eq(&source))
            .filter(road_event::Column::EventId.is_in(ids.iter().cloned()))
            .exec(tx)
            .await
            .map_err(db_error)?;
    }
    trail.write(tx).await?;
    Ok(plan.counts)
}

/// Waits for whoever reads the same feed now: two editions at once would both take its events for new.
async fn enter(tx: &DatabaseTransaction, source: &str, now: Timestamp) -> Result<(), Error> {
    let row = feed::ActiveModel { source: Set(source.to_owned()), update_time: Set(now.0) };
    let touch = OnConflict::column(feed::Column::Source).update_column(feed::Column::UpdateTime).to_owned();
    feed::Entity::insert(row).on_conflict(touch).exec_without_returning(tx).await.map_err(db_error)?;
    Ok(())
}

/// Every event of the source that is not gone, and those the edition names, with their incidents held.
async fn known(tx: &DatabaseTransaction, source: &str, events: Vec<String>) -> Result<Vec<KnownEvent>, Error> {
    let of_source = || road_event::Entity::find().filter(road_event::Column::Source.eq(source));
    let mut rows = of_source().filter(road_event::Column::Gone.eq(false)).all(tx).await.map_err(db_error)?;
    for ids in events.chunks(ROWS_MAX) {
        let gone = of_source()
            .filter(road_event::Column::Gone.eq(true))
            .filter(road_event::Column::EventId.is_in(ids.iter().cloned()));
        rows.extend(gone.all(tx).await.map_err(db_error)?);
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.incident_id).collect();
    let mut incidents: HashMap<Uuid, TrackedIncident> = HashMap::new();
    let mut reports: HashMap<Uuid, BTreeMap<ReportId, TrackedReport>> = HashMap::new();
    let mut ids = ids;
    ids.sort_unstable();
    for ids in ids.chunks(ROWS_MAX) {
        let held = incident::Entity::find()
            .filter(incident::Column::Id.is_in(ids.iter().copied()))
            .order_by_asc(incident::Column::Id)
            .lock_exclusive();
        for row in held.all(tx).await.map_err(db_error)? {
            incidents.insert(row.id, TrackedIncident::read(row.try_into()?));
        }
    }
    let mut with_reports: Vec<Uuid> = incidents
        .values()
        .filter(|incident| !incident.now.reports.is_empty())
        .map(|incident| incident.now.id.0)
        .collect();
    with_reports.sort_unstable();
    for ids in with_reports.chunks(ROWS_MAX) {
        let held = report::Entity::find()
            .filter(report::Column::IncidentId.is_in(ids.iter().copied()))
            .order_by_asc(report::Column::Id)
            .lock_exclusive();
        for row in held.all(tx).await.map_err(db_error)? {
            let incident = row.incident_id.unwrap_or_default();
            let report = TrackedReport::read(row.try_into()?);
            reports.entry(incident).or_default().insert(report.now.id, report);
        }
    }
    let event = |row: road_event::Model| {
        let incident = incidents.remove(&row.incident_id);
        let reports = reports.remove(&row.incident_id).unwrap_or_default();
        let case = Case { incident, reports, ..Case::default() };
        KnownEvent { id: row.event_id, raw: row.raw, gone: row.gone, case }
    };
    Ok(rows.into_iter().map(event).collect())
}

async fn store_features(
    tx: &DatabaseTransaction,
    source: &str,
    features: Vec<(String, crate::domain::incident::IncidentId, String)>,
) -> Result<(), Error> {
    for slice in features.chunks(ROWS_MAX) {
        let rows = slice.iter().map(|(event, incident, raw)| road_event::ActiveModel {
            source: Set(source.to_owned()),
            event_id: Set(event.clone()),
            incident_id: Set(incident.0),
            raw: Set(raw.clone()),
            gone: Set(false),
        });
        let replace = OnConflict::columns([road_event::Column::Source, road_event::Column::EventId])
            .update_columns([road_event::Column::Raw, road_event::Column::Gone])
            .to_owned();
        road_event::Entity::insert_many(rows)
            .on_conflict(replace)
            .exec_without_returning(tx)
            .await
            .map_err(db_error)?;
    }
    Ok(())
}
