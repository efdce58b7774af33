//! What changes, one transaction each.
//!
//! Rows are held in one order, incidents before reports and those by id, so that changes wait for one another and never
//! in a circle.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kvartal_events::inbox;
use kvartal_kernel::{Error, Kind, Timestamp, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::imports;
use super::persist::{self, Trail};
use super::rows::{incident, photo, report, stored, timeline, vote};
use crate::NAME;
use crate::application::photos::UNLINKED_LIFE;
use crate::application::ports::{Cases, Decide, DecideImport, RequestKey, Scope};
use crate::domain::case::{Case, TrackedIncident, TrackedReport};
use crate::domain::feed::ImportCounts;
use crate::domain::incident::{Incident, IncidentEvent, IncidentId};
use crate::domain::photo::PhotoId;
use crate::domain::report::{Report, ReportId};
use crate::domain::timeline::{Act, Entry};

/// How often another tracking number is tried; with a million reports one in five hundred is taken.
const NUMBERS_MAX: usize = 8;

/// Incidents and reports in a database.
#[derive(Clone)]
pub struct StoredCases {
    store: Store,
}

impl StoredCases {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Cases for StoredCases {
    async fn create_incident(
        &self,
        key: Option<RequestKey>,
        incident: TrackedIncident,
        reports: Vec<ReportId>,
        act: Act,
    ) -> Result<Incident, Error> {
        self.store.transaction(|tx| Box::pin(create_incident(tx, key, incident, reports, act))).await
    }

    async fn create_report(
        &self,
        key: Option<RequestKey>,
        report: TrackedReport,
        photo_owner: String,
    ) -> Result<Report, Error> {
        self.store.transaction(|tx| Box::pin(create_report(tx, key, report, photo_owner))).await
    }

    async fn change(&self, scope: Scope, decide: Decide) -> Result<Case, Error> {
        self.store.transaction(move |tx| Box::pin(change(tx, scope, decide))).await
    }

    async fn import(
        &self,
        source: String,
        events: Vec<String>,
        validate_only: bool,
        now: Timestamp,
        decide: DecideImport,
    ) -> Result<ImportCounts, Error> {
        self.store
            .transaction(move |tx| Box::pin(imports::import(tx, source, events, validate_only, now, decide)))
            .await
    }

    async fn comment(&self, id: IncidentId, entry: Entry) -> Result<(), Error> {
        let row = timeline::Model::new(id.0, &entry).into_active_model();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    timeline::Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
                    Ok(())
                })
            })
            .await
    }

    async fn note(&self, event: Uuid, id: IncidentId, entry: Entry) -> Result<(), Error> {
        let row = timeline::Model::new(id.0, &entry).into_active_model();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    if !inbox::first_time(tx, NAME, event).await? {
                        return Ok(());
                    }
                    if incident::Entity::find_by_id(id.0).one(tx).await.map_err(db_error)?.is_some() {
                        timeline::Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn follow(&self, id: ReportId, follower: Uuid, follows: bool, now: Timestamp) -> Result<u32, Error> {
        self.store.transaction(move |tx| Box::pin(follow(tx, id, follower, follows, now))).await
    }
}

async fn create_incident(
    tx: &DatabaseTransaction,
    key: Option<RequestKey>,
    incident: TrackedIncident,
    reports: Vec<ReportId>,
    act: Act,
) -> Result<Incident, Error> {
    let mut row = incident::Model::from(&incident.now);
    if let Some(key) = &key {
        row.request_by = Some(key.caller.clone());
        row.request_id = Some(key.id);
        row.fingerprint = Some(key.fingerprint.to_vec());
    }
    let added = incident::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await
        .map_err(db_error)?;
    if added == 0 {
        let key = key.ok_or_else(|| Error::internal("an incident's id is taken"))?;
        let first = incident::Entity::find()
            .filter(incident::Column::RequestBy.eq(&key.caller))
            .filter(incident::Column::RequestId.eq(key.id))
            .one(tx)
            .await
            .map_err(db_error)?
            .ok_or_else(|| Error::internal("an incident's id is taken"))?;
        check_same(&key, first.fingerprint.as_deref())?;
        return first.try_into();
    }
    let mut trail = Trail::default();
    if reports.is_empty() {
        trail.incident(&incident);
        trail.write(tx).await?;
        return Ok(incident.now);
    }
    let read = Some(incident.now.version);
    let linked = lock_reports(tx, &reports).await?;
    let mut case = Case { incident: Some(TrackedIncident { read, ..incident }), reports: linked, ..Case::default() };
    for report in reports {
        case.link(report, &act)?;
    }
    // It is told once, with all of its reports, not again for each.
    case.incident()?.change.events.retain(|event| *event == IncidentEvent::Created);
    persist::store(tx, &case, &mut trail, act.time).await?;
    trail.write(tx).await?;
    Ok(case.incident()?.now.clone())
}

async fn create_report(
    tx: &DatabaseTransaction,
    key: Option<RequestKey>,
    mut report: TrackedReport,
    photo_owner: String,
) -> Result<Report, Error> {
    for _ in 0..NUMBERS_MAX {
        let mut row = report::Model::from(&report.now);
        if let Some(key) = &key {
            row.request_by = Some(key.caller.clone());
            row.request_id = Some(key.id);
            row.fingerprint = Some(key.fingerprint.to_vec());
        }
        let added = report::Entity::insert(row.into_active_model())
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx)
            .await
            .map_err(db_error)?;
        if added > 0 {
            link_photos(tx, &report.now, &photo_owner).await?;
            let mut trail = Trail::default();
            trail.report(tx, &report).await?;
            trail.write(tx).await?;
            return Ok(report.now);
        }
        if let Some(key) = &key {
            let first = report::Entity::find()
                .filter(report::Column::RequestBy.eq(&key.caller))
                .filter(report::Column::RequestId.eq(key.id))
                .one(tx)
                .await
                .map_err(db_error)?;
            if let Some(first) = first {
                check_same(key, first.fingerprint.as_deref())?;
                return first.try_into();
            }
        }
        report.now.renumber(ReportId(report.now.created.uuid()));
    }
    Err(Error::unavailable("NUMBERS_TAKEN", "no free tracking number was found; try again"))
}

/// Refuses another content under the name of an earlier request.
fn check_same(key: &RequestKey, first: Option<&[u8]>) -> Result<(), Error> {
    if first == Some(key.fingerprint.as_slice()) {
        return Ok(());
    }
    let message = "the request_id was used before with another content";
    Err(Error::new(Kind::AlreadyExists, "REQUEST_ID_REUSED", message))
}

/// Gives the photos to the report: they must be the owner's, belong to no other and be fresh.
async fn link_photos(tx: &DatabaseTransaction, report: &Report, owner: &str) -> Result<(), Error> {
    if report.photos.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = report.photos.iter().map(|PhotoId(id)| *id).collect();
    let wanted = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let linked = photo::Entity::update_many()
        .col_expr(photo::Column::ReportId, Expr::value(report.id.0))
        .filter(photo::Column::Id.is_in(ids))
        .filter(photo::Column::ReportId.is_null())
        .filter(photo::Column::Owner.eq(owner))
        .filter(photo::Column::CreateTime.gte(report.created.minus(UNLINKED_LIFE).0))
        .exec(tx)
        .await
        .map_err(db_error)?
        .rows_affected;
    if linked == wanted {
        return Ok(());
    }
    let message = "a photo does not exist, is older than a day, or belongs to somebody else or to another report";
    Err(Error::new(Kind::FailedPrecondition, "PHOTO_NOT_AVAILABLE", message))
}

async fn change(tx: &DatabaseTransaction, scope: Scope, decide: Decide) -> Result<Case, Error> {
    let mut case = read(tx, scope).await?;
    decide(&mut case)?;
    let mut trail = Trail::default();
    // Followers that a change adds are as old as the change.
    let updated = case.reports.values().map(|report| report.now.updated).max().unwrap_or_default();
    persist::store(tx, &case, &mut trail, updated).await?;
    trail.write(tx).await?;
    Ok(case)
}

async fn read(tx: &DatabaseTransaction, scope: Scope) -> Result<Case, Error> {
    match scope {
        Scope::Incident(id) => {
            let incident = lock_incident(tx, id).await?;
            let reports = if incident.now.reports.is_empty() {
                BTreeMap::new()
            } else {
                let rows = report::Entity::find().filter(report::Column::IncidentId.eq(id.0));
                tracked(rows.order_by_asc(report::Column::Id).lock_exclusive().all(tx).await.map_err(db_error)?)?
            };
            Ok(Case { incident: Some(incident), reports, ..Case::default() })
        }
        Scope::Report { report, original } => {
            let ids: Vec<ReportId> = std::iter::once(report).chain(original).collect();
            Ok(Case { reports: present(lock_reports(tx, &ids).await?, report)?, ..Case::default() })
        }
        Scope::Vote { report, voter } => {
            let mut reports = present(lock_reports(tx, &[report]).await?, report)?;
            let round = reports.get_mut(&report).map(|tracked| stored(tracked.now.round)).unwrap_or_default();
            let before = vote::Entity::find_by_id((report.0, round, voter)).one(tx).await.map_err(db_error)?;
            Ok(Case { reports, previous_vote: before.map(|vote| vote.confirmed), ..Case::default() })
        }
        Scope::Linked(id) => {
            let known = report::Entity::find_by_id(id.0).one(tx).await.map_err(db_error)?;
            let before = known.ok_or_else(no_such_report)?.incident_id;
            let incident = match before {
                Some(incident) => Some(lock_incident(tx, IncidentId(incident)).await?),
                None => None,
            };
            let reports = present(lock_reports(tx, &[id]).await?, id)?;
            // It was read without holding it: the incident has to be held first.
            if reports.values().any(|report| report.now.incident.map(|incident| incident.0) != before) {
                return Err(Error::conflict());
            }
            Ok(Case { incident, reports, ..Case::default() })
        }
        Scope::Link { report, incident } => {
            let incident = lock_incident(tx, incident).await?;
            let reports = present(lock_reports(tx, &[report]).await?, report)?;
            Ok(Case { incident: Some(incident), reports, ..Case::default() })
        }
    }
}

async fn lock_incident(tx: &DatabaseTransaction, id: IncidentId) -> Result<TrackedIncident, Error> {
    let row = incident::Entity::find_by_id(id.0).lock_exclusive().one(tx).await.map_err(db_error)?;
    let row = row.ok_or_else(|| Error::not_found("INCIDENT_NOT_FOUND", "incident"))?;
    Ok(TrackedIncident::read(row.try_into()?))
}

async fn lock_reports(tx: &DatabaseTransaction, ids: &[ReportId]) -> Result<BTreeMap<ReportId, TrackedReport>, Error> {
    let rows = report::Entity::find().filter(report::Column::Id.is_in(ids.iter().map(|id| id.0)));
    tracked(rows.order_by_asc(report::Column::Id).lock_exclusive().all(tx).await.map_err(db_error)?)
}

fn tracked(rows: Vec<report::Model>) -> Result<BTreeMap<ReportId, TrackedReport>, Error> {
    rows.into_iter().map(|row| Ok((ReportId(row.id), TrackedReport::read(row.try_into()?)))).collect()
}

fn present(
    reports: BTreeMap<ReportId, TrackedReport>,
    id: ReportId,
) -> Result<BTreeMap<ReportId, TrackedReport>, Error> {
    if reports.contains_key(&id) { Ok(reports) } else { Err(no_such_report()) }
}

async fn follow(
    tx: &DatabaseTransaction,
    id: ReportId,
    follower: Uuid,
    follows: bool,
    now: Timestamp,
) -> Result<u32, Error> {
    // The report is held first, as by every other change of who follows it: two would else wait for each other.
    let count: Option<i32> = report::Entity::find_by_id(id.0)
        .select_only()
        .column(report::Column::SubscriberCount)
        .lock_exclusive()
        .into_tuple()
        .one(tx)
        .await
        .map_err(db_error)?;
    let count = super::rows::count(count.ok_or_else(no_such_report)?);
    if follows {
        let new = persist::follow(tx, id, follower, now).await?;
        Ok(count + u32::from(new))
    } else {
        let gone = persist::unfollow(tx, id, follower).await?;
        Ok(count.saturating_sub(u32::from(gone)))
    }
}

fn no_such_report() -> Error {
    Error::not_found("REPORT_NOT_FOUND", "report")
}
