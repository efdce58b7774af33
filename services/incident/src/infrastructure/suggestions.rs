//! Suggestions in the database.

use async_trait::async_trait;
use kvartal_events::inbox;
use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp, Uuid, Version};
use kvartal_store::{Store, db_error, keyset};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::persist::Trail;
use super::rows::suggestion::{self, Column, Entity, Model};
use super::rows::{failed_detector, incident, suggestion_member};
use crate::NAME;
use crate::application::suggestions::{Decide, Suggestions};
use crate::domain::suggestion::{
    DISMISSED_LIFE, FailedDetector, GROUP_M, GROUP_TIME, JamSeen, Suggestion, SuggestionId, SuggestionKind,
    SuggestionStatus,
};

/// Open suggestions of a kind that are looked at together; a city has few at a time.
const OPEN_MAX: u64 = 500;

/// Suggestions in a database.
pub struct StoredSuggestions {
    store: Store,
}

impl StoredSuggestions {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Suggestions for StoredSuggestions {
    async fn page(&self, status: Option<SuggestionStatus>, request: PageRequest) -> Result<Page<Suggestion>, Error> {
        let mut select = Entity::find();
        if let Some(status) = status {
            select = select.filter(Column::Status.eq(status.number()));
        }
        let rows = keyset::descending(select, Column::CreateTime, Column::Id, &request)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.create_time, id: row.id });
        let items = page.items.into_iter().map(Suggestion::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn jam(&self, event: Uuid, jam: JamSeen, now: Timestamp) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(jam_started(tx, event, jam, now))).await
    }

    async fn detector(&self, event: Uuid, failed: FailedDetector, now: Timestamp) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(detector_failed(tx, event, failed, now))).await
    }

    async fn over(&self, event: Uuid, member: String, now: Timestamp) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(over(tx, event, member, now))).await
    }

    async fn decide(&self, id: SuggestionId, decide: Decide) -> Result<Suggestion, Error> {
        self.store.transaction(move |tx| Box::pin(decided(tx, id, decide))).await
    }

    async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error> {
        self.store.transaction(move |tx| Box::pin(prune(tx, before, limit))).await
    }
}

/// Lets suggestions be made one after another, in all replicas: two jams of one place would else not see each other.
async fn alone(tx: &DatabaseTransaction) -> Result<(), Error> {
    // SQLite has one writer anyway.
    if tx.get_database_backend() == DbBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('kvartal suggestions ' || current_schema(), 0))";
        tx.execute_unprepared(lock).await.map_err(db_error)?;
    }
    Ok(())
}

async fn jam_started(tx: &DatabaseTransaction, event: Uuid, jam: JamSeen, now: Timestamp) -> Result<(), Error> {
    if !inbox::first_time(tx, NAME, event).await? {
        return Ok(());
    }
    alone(tx).await?;
    let mut known = latest(tx, SuggestionKind::Jam, SuggestionStatus::Open, Timestamp::MIN).await?;
    if let Some(covering) = known.iter_mut().find(|suggestion| suggestion.covers(&jam)) {
        let read = covering.version;
        covering.join_jam(jam, now);
        return store(tx, covering, Some(read)).await;
    }
    let since = now.minus(DISMISSED_LIFE);
    let dismissed = latest(tx, SuggestionKind::Jam, SuggestionStatus::Dismissed, since).await?;
    if dismissed.iter().any(|suggestion| suggestion.covers(&jam)) {
        return Ok(());
    }
    store(tx, &Suggestion::of_jam(SuggestionId(now.uuid()), jam, now), None).await
}

async fn detector_failed(
    tx: &DatabaseTransaction,
    event: Uuid,
    failed: FailedDetector,
    now: Timestamp,
) -> Result<(), Error> {
    if !inbox::first_time(tx, NAME, event).await? {
        return Ok(());
    }
    alone(tx).await?;
    let row = failed_detector::Model::from(&failed).into_active_model();
    use failed_detector::Column as C;
    let again = OnConflict::column(C::Id)
        .update_columns([C::Name, C::Latitude, C::Longitude, C::Segment, C::FailTime])
        .to_owned();
    failed_detector::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await.map_err(db_error)?;
    let mut open = latest(tx, SuggestionKind::Detectors, SuggestionStatus::Open, Timestamp::MIN).await?;
    if let Some(near) = open.iter_mut().find(|suggestion| suggestion.is_near(failed.place)) {
        let read = near.version;
        near.join_detector(&failed, now);
        return store(tx, near, Some(read)).await;
    }
    let since = now.minus(DISMISSED_LIFE);
    let dismissed = latest(tx, SuggestionKind::Detectors, SuggestionStatus::Dismissed, since).await?;
    if dismissed.iter().any(|suggestion| suggestion.is_near(failed.place)) {
        return Ok(());
    }
    let rows = failed_detector::Entity::find()
        .filter(C::FailTime.gte(failed.time.minus(GROUP_TIME).0))
        .order_by_asc(C::FailTime)
        .limit(OPEN_MAX)
        .all(tx)
        .await
        .map_err(db_error)?;
    let near: Vec<FailedDetector> = rows
        .into_iter()
        .map(FailedDetector::from)
        .filter(|other| other.place.distance_m(failed.place) <= GROUP_M)
        .collect();
    match Suggestion::of_detectors(SuggestionId(now.uuid()), &near, now) {
        Some(suggestion) => store(tx, &suggestion, None).await,
        None => Ok(()),
    }
}

async fn over(tx: &DatabaseTransaction, event: Uuid, member: String, now: Timestamp) -> Result<(), Error> {
    if !inbox::first_time(tx, NAME, event).await? {
        return Ok(());
    }
    failed_detector::Entity::delete_by_id(member.clone()).exec(tx).await.map_err(db_error)?;
    let of = suggestion_member::Entity::find()
        .filter(suggestion_member::Column::Member.eq(&member))
        .order_by_asc(suggestion_member::Column::SuggestionId)
        .all(tx)
        .await
        .map_err(db_error)?;
    for row in of {
        let Some(mut suggestion) = lock(tx, SuggestionId(row.suggestion_id)).await? else { continue };
        let read = suggestion.version;
        suggestion.leave(&member, now);
        store(tx, &suggestion, Some(read)).await?;
    }
    Ok(())
}

async fn decided(tx: &DatabaseTransaction, id: SuggestionId, decide: Decide) -> Result<Suggestion, Error> {
    let found = lock(tx, id).await?;
    let mut suggestion = found.ok_or_else(|| Error::not_found("SUGGESTION_NOT_FOUND", "suggestion"))?;
    let read = suggestion.version;
    if let Some(tracked) = decide(&mut suggestion)? {
        let row = incident::Model::from(&tracked.now).into_active_model();
        incident::Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
        let mut trail = Trail::default();
        trail.incident(&tracked);
        trail.write(tx).await?;
    }
    store(tx, &suggestion, Some(read)).await?;
    Ok(suggestion)
}

async fn lock(tx: &DatabaseTransaction, id: SuggestionId) -> Result<Option<Suggestion>, Error> {
    let row = Entity::find_by_id(id.0).lock_exclusive().one(tx).await.map_err(db_error)?;
    row.map(Suggestion::try_from).transpose()
}

/// Those of a kind in a status that changed after a moment, held, by id.
async fn latest(
    tx: &DatabaseTransaction,
    kind: SuggestionKind,
    status: SuggestionStatus,
    since: Timestamp,
) -> Result<Vec<Suggestion>, Error> {
    let rows = Entity::find()
        .filter(Column::Status.eq(status.number()))
        .filter(Column::Kind.eq(kind.number()))
        .filter(Column::UpdateTime.gte(since.0))
        .order_by_asc(Column::Id)
        .limit(OPEN_MAX)
        .lock_exclusive()
        .all(tx)
        .await
        .map_err(db_error)?;
    rows.into_iter().map(Suggestion::try_from).collect()
}

/// Stores what changed since this version was read; something new was never read.
async fn store(tx: &DatabaseTransaction, suggestion: &Suggestion, read: Option<Version>) -> Result<(), Error> {
    if read == Some(suggestion.version) {
        return Ok(());
    }
    let row = Model::from(suggestion).into_active_model();
    if read.is_some() {
        Entity::update(row.reset_all()).exec(tx).await.map_err(db_error)?;
    } else {
        Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
    }
    let members = suggestion.members.iter().map(|member| {
        suggestion_member::Model { suggestion_id: suggestion.id.0, member: member.id.clone() }.into_active_model()
    });
    let known = OnConflict::columns([suggestion_member::Column::SuggestionId, suggestion_member::Column::Member])
        .do_nothing()
        .to_owned();
    let insert = suggestion_member::Entity::insert_many(members).on_conflict(known);
    insert.exec_without_returning(tx).await.map_err(db_error)?;
    Ok(())
}

async fn prune(tx: &DatabaseTransaction, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let ids: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Status.ne(SuggestionStatus::Open.number()))
        .filter(Column::UpdateTime.lt(before.0))
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    let members = suggestion_member::Column::SuggestionId.is_in(ids.iter().copied());
    suggestion_member::Entity::delete_many().filter(members).exec(tx).await.map_err(db_error)?;
    let gone = Entity::delete_many().filter(suggestion::Column::Id.is_in(ids)).exec(tx).await.map_err(db_error)?;
    Ok(gone.rows_affected)
}
