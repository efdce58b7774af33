//! Storing what a range of steps came to: everything of the range is replaced, in one transaction with its events.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::outbox;
use kvartal_kernel::Error;
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};

use super::changes::{JamChanges, WarningChanges};
use super::rows::{dirty, head, level, moment, score, tracker};
use crate::application::congestion::ports::{Chunk, CongestionLog, Head, Retention};
use crate::domain::city::City;
use crate::domain::congestion::Level;
use crate::domain::step::{STEPS_PER_DAY, Step};
use crate::domain::tracker::Tracker;

/// Rows of one statement.
const ROWS_MAX: usize = 500;

/// The log in a database.
#[derive(Clone)]
pub struct StoredLog {
    store: Store,
}

impl StoredLog {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl CongestionLog for StoredLog {
    async fn head(&self) -> Result<Head, Error> {
        let row = head::Entity::find_by_id(1_i16).one(self.store.reader()).await.map_err(db_error)?;
        let row = row.ok_or_else(|| Error::internal("congestion_head has no row"))?;
        Ok(Head { version: row.version, done: row.done.map(Step), redo: row.redo.map(Step) })
    }

    async fn tracker_before(&self, step: Step) -> Result<Option<(Step, Tracker)>, Error> {
        let rows = tracker::Entity::find().filter(tracker::Column::Step.lt(step.0));
        let newest = rows.order_by_desc(tracker::Column::Step);
        let row = newest.one(self.store.reader()).await.map_err(db_error)?;
        row.map(|row| Ok((Step(row.step), remembered(&row.state)?))).transpose()
    }

    async fn tracker_at(&self, step: Step) -> Result<Option<Tracker>, Error> {
        let row = tracker::Entity::find_by_id(step.0).one(self.store.reader()).await.map_err(db_error)?;
        row.map(|row| remembered(&row.state)).transpose()
    }

    async fn store(&self, head: Head, chunk: Chunk, city: Arc<City>) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(async move { store(tx, head, &chunk, &city).await })).await
    }

    async fn thin(&self, before: Step) -> Result<(), Error> {
        let daily = Expr::col(tracker::Column::Step).modulo(STEPS_PER_DAY).ne(0);
        let delete = tracker::Entity::delete_many().filter(tracker::Column::Step.lt(before.0)).filter(daily);
        self.store
            .transaction(move |tx| Box::pin(async move { delete.exec(tx).await.map(|_| ()).map_err(db_error) }))
            .await
    }

    async fn prune(&self, retention: Retention) -> Result<bool, Error> {
        self.store.transaction(move |tx| Box::pin(super::retention::prune(tx, retention))).await
    }
}

fn remembered(state: &str) -> Result<Tracker, Error> {
    serde_json::from_str(state).map_err(|error| Error::internal("a stored tracker cannot be read").because(error))
}

async fn store(tx: &DatabaseTransaction, head: Head, chunk: &Chunk, city: &City) -> Result<(), Error> {
    advance(tx, head, chunk).await?;
    let range = (chunk.from.0, chunk.to.0);
    put_levels(tx, range, chunk).await?;
    put_trackers(tx, range, chunk).await?;
    put_scores(tx, range, chunk).await?;
    put_moments(tx, range, chunk).await?;
    let mut events = JamChanges::of(tx, chunk, city).await?.write(tx, chunk.news_from).await?;
    events.extend(WarningChanges::of(tx, chunk, city).await?.write(tx, chunk.news_from).await?);
    for mark in &chunk.clean {
        let same = dirty::Column::Step.eq(mark.step.0).and(dirty::Column::Mark.eq(mark.mark));
        dirty::Entity::delete_many().filter(same).exec(tx).await.map_err(db_error)?;
    }
    if events.is_empty() { Ok(()) } else { outbox::append(tx, events).await }
}

/// Goes on from this head, and from no other.
async fn advance(tx: &DatabaseTransaction, head: Head, chunk: &Chunk) -> Result<(), Error> {
    let done = head.done.map_or(chunk.last, |done| done.max(chunk.last));
    let update = head::Entity::update_many()
        .col_expr(head::Column::Version, Expr::value(head.version + 1))
        .col_expr(head::Column::Done, Expr::value(Some(done.0)))
        .col_expr(head::Column::Redo, Expr::value(chunk.redo.map(|redo| redo.0)))
        .filter(head::Column::Version.eq(head.version));
    let rows = update.exec(tx).await.map_err(db_error)?.rows_affected;
    if rows == 1 { Ok(()) } else { Err(Error::conflict()) }
}

async fn put_levels(tx: &DatabaseTransaction, range: (i64, i64), chunk: &Chunk) -> Result<(), Error> {
    let old = level::Entity::delete_many().filter(level::Column::Step.between(range.0, range.1));
    old.exec(tx).await.map_err(db_error)?;
    let changes = chunk.outcomes.iter().flat_map(|(_, outcome)| &outcome.levels);
    let rows = changes.map(|change| level::Model {
        segment_id: change.segment.0.clone(),
        step: change.step.0,
        level: change.level.map(Level::number),
    });
    insert::<level::Entity, _>(tx, rows.map(IntoActiveModel::into_active_model).collect()).await
}

async fn put_trackers(tx: &DatabaseTransaction, range: (i64, i64), chunk: &Chunk) -> Result<(), Error> {
    let old = tracker::Entity::delete_many().filter(tracker::Column::Step.between(range.0, range.1));
    old.exec(tx).await.map_err(db_error)?;
    let mut rows = Vec::new();
    for (step, remembered) in &chunk.trackers {
        let state = serde_json::to_string(remembered)
            .map_err(|error| Error::internal("a tracker cannot be written").because(error))?;
        rows.push(tracker::Model { step: step.0, state }.into_active_model());
    }
    insert::<tracker::Entity, _>(tx, rows).await
}

async fn put_scores(tx: &DatabaseTransaction, range: (i64, i64), chunk: &Chunk) -> Result<(), Error> {
    let old = score::Entity::delete_many().filter(score::Column::Step.between(range.0, range.1));
    old.exec(tx).await.map_err(db_error)?;
    let scores =
        chunk.outcomes.iter().flat_map(|(step, outcome)| outcome.scores.iter().map(move |score| (step, score)));
    let rows = scores.map(|(step, scored)| score::Model {
        district_id: scored.district.clone(),
        step: step.0,
        value: scored.score.value,
        coverage: scored.score.coverage,
        jam_m: scored.jam_m,
    });
    insert::<score::Entity, _>(tx, rows.map(IntoActiveModel::into_active_model).collect()).await
}

async fn put_moments(tx: &DatabaseTransaction, range: (i64, i64), chunk: &Chunk) -> Result<(), Error> {
    let old = moment::Entity::delete_many().filter(moment::Column::Step.between(range.0, range.1));
    old.exec(tx).await.map_err(db_error)?;
    let mut rows = Vec::new();
    for (step, outcome) in &chunk.outcomes {
        rows.extend(super::changes::moments(*step, outcome).map(IntoActiveModel::into_active_model));
    }
    insert::<moment::Entity, _>(tx, rows).await
}

/// Adds rows, in portions that fit a statement.
pub(super) async fn insert<E, A>(tx: &DatabaseTransaction, rows: Vec<A>) -> Result<(), Error>
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + Send,
{
    let mut rows = rows.into_iter();
    loop {
        let portion: Vec<A> = rows.by_ref().take(ROWS_MAX).collect();
        if portion.is_empty() {
            return Ok(());
        }
        E::insert_many(portion).exec_without_returning(tx).await.map_err(db_error)?;
    }
}
