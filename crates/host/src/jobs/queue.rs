//! The statements: adding, claiming, ending and listing jobs, alike on SQLite and PostgreSQL.

use std::time::Duration;

use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp, Uuid};
use kvartal_store::{db_error, keyset};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::row::job::{ActiveModel, Column, Entity, Model};
use super::{NewJob, Record, State};

const KEEP_DONE: Duration = Duration::from_secs(24 * 3600);
const KEEP_DEAD: Duration = Duration::from_secs(30 * 24 * 3600);
/// Rows deleted in one transaction, so that it stays short.
const PRUNE_MAX: u64 = 500;
const ERROR_CHARS_MAX: usize = 500;

/// What is kept of a job that has ended, instead of its payload.
const NO_PAYLOAD: &str = "null";

pub(super) async fn insert(tx: &DatabaseTransaction, job: NewJob, now: Timestamp) -> Result<Uuid, Error> {
    let id = now.uuid();
    let row = ActiveModel {
        id: Set(id),
        kind: Set(job.kind.clone()),
        dedup: Set(job.key.clone()),
        payload: Set(job.payload.to_string()),
        state: Set(State::Waiting.number()),
        attempt: Set(0),
        max_attempts: Set(i32::try_from(Ord::max(job.max_attempts, 1)).unwrap_or(i32::MAX)),
        due_at: Set(job.run_at.0),
        last_error: Set(String::new()),
        traceparent: Set(kvartal_trace::traceparent()),
        created_at: Set(now.0),
        updated_at: Set(now.0),
    };
    let Some(key) = job.key else {
        Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
        return Ok(id);
    };
    // The job that holds the key may end between the two statements; then the key is free again.
    for _ in 0..3 {
        let conflict = OnConflict::columns([Column::Kind, Column::Dedup]).do_nothing().to_owned();
        let insert = Entity::insert(row.clone()).on_conflict(conflict);
        if insert.exec_without_returning(tx).await.map_err(db_error)? == 1 {
            return Ok(id);
        }
        let holder = Entity::find().filter(Column::Kind.eq(&job.kind)).filter(Column::Dedup.eq(&key));
        if let Some(holder) = holder.one(tx).await.map_err(db_error)? {
            return Ok(holder.id);
        }
    }
    Err(Error::conflict())
}

pub(super) async fn cancel(tx: &DatabaseTransaction, kind: &str, key: &str) -> Result<bool, Error> {
    let deleted = Entity::delete_many()
        .filter(Column::Kind.eq(kind))
        .filter(Column::Dedup.eq(key))
        .filter(Column::State.eq(State::Waiting.number()))
        .exec(tx)
        .await
        .map_err(db_error)?;
    Ok(deleted.rows_affected > 0)
}

/// When the next job of these kinds is to be looked at.
pub(super) async fn next_due(db: &DatabaseConnection, kinds: &[&str]) -> Result<Option<Timestamp>, Error> {
    let due: Option<i64> = Entity::find()
        .select_only()
        .column(Column::DueAt)
        .filter(Column::State.is_in([State::Waiting.number(), State::Running.number()]))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .order_by_asc(Column::DueAt)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
        .map_err(db_error)?;
    Ok(due.map(Timestamp))
}

/// Takes due jobs, and those whose worker is gone. Rows another process is taking are passed over, not waited for.
pub(super) async fn claim(
    tx: &DatabaseTransaction,
    kinds: &[&'static str],
    count: u64,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<Model>, Error> {
    let ids: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::State.is_in([State::Waiting.number(), State::Running.number()]))
        .filter(Column::DueAt.lte(now.0))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .order_by_asc(Column::DueAt)
        .limit(count)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Running.number()))
        .col_expr(Column::Attempt, Expr::col(Column::Attempt).add(1))
        .col_expr(Column::DueAt, Expr::value(now.plus(lease).0))
        .col_expr(Column::UpdatedAt, Expr::value(now.0))
        .filter(Column::Id.is_in(ids))
        .exec_with_returning(tx)
        .await
        .map_err(db_error)
}

/// Which attempt of which job: changes nothing when another worker has taken the job over meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) id: Uuid,
    pub(super) attempt: i32,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    Done,
    Again { at: Timestamp, error: String },
    Dead { error: String },
}

/// Prolongs the lease; false when it is lost.
pub(super) async fn renew(tx: &DatabaseTransaction, lease: Lease, now: Timestamp, by: Duration) -> Result<bool, Error> {
    let renewed = held(lease)
        .col_expr(Column::DueAt, Expr::value(now.plus(by).0))
        .col_expr(Column::UpdatedAt, Expr::value(now.0))
        .exec(tx)
        .await
        .map_err(db_error)?;
    Ok(renewed.rows_affected > 0)
}

/// Writes down how the attempt ended; false when the lease was lost.
pub(super) async fn end(tx: &DatabaseTransaction, lease: Lease, end: End, now: Timestamp) -> Result<bool, Error> {
    let update = held(lease).col_expr(Column::UpdatedAt, Expr::value(now.0));
    let update = match end {
        End::Done => update
            .col_expr(Column::State, Expr::value(State::Done.number()))
            .col_expr(Column::Dedup, Expr::value(None::<String>))
            .col_expr(Column::Payload, Expr::value(NO_PAYLOAD)),
        End::Again { at, error } => update
            .col_expr(Column::State, Expr::value(State::Waiting.number()))
            .col_expr(Column::DueAt, Expr::value(at.0))
            .col_expr(Column::LastError, Expr::value(shorten(&error))),
        End::Dead { error } => update
            .col_expr(Column::State, Expr::value(State::Dead.number()))
            .col_expr(Column::Dedup, Expr::value(None::<String>))
            .col_expr(Column::LastError, Expr::value(shorten(&error))),
    };
    Ok(update.exec(tx).await.map_err(db_error)?.rows_affected > 0)
}

fn held(lease: Lease) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(lease.id))
        .filter(Column::Attempt.eq(lease.attempt))
        .filter(Column::State.eq(State::Running.number()))
}

pub(super) async fn revive(tx: &DatabaseTransaction, id: Uuid, now: Timestamp) -> Result<(), Error> {
    let revived = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Waiting.number()))
        .col_expr(Column::Attempt, Expr::value(0))
        .col_expr(Column::DueAt, Expr::value(now.0))
        .col_expr(Column::UpdatedAt, Expr::value(now.0))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(State::Dead.number()))
        .exec(tx)
        .await
        .map_err(db_error)?;
    if revived.rows_affected == 0 { Err(Error::not_found("JOB_NOT_FOUND", "dead job")) } else { Ok(()) }
}

/// Ends every lease.
pub(super) async fn release_all(tx: &DatabaseTransaction, now: Timestamp) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now.0))
        .filter(Column::State.eq(State::Running.number()))
        .exec(tx)
        .await
        .map_err(db_error)?;
    Ok(())
}

pub(super) async fn list(db: &DatabaseConnection, state: State, page: PageRequest) -> Result<Page<Record>, Error> {
    let rows = Entity::find().filter(Column::State.eq(state.number()));
    let rows = keyset::descending(rows, Column::CreatedAt, Column::Id, &page).all(db).await.map_err(db_error)?;
    let page = Page::from_surplus(rows, page.size, |row| Cursor { key: row.created_at, id: row.id });
    let items = page.items.into_iter().map(record).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

fn record(row: Model) -> Result<Record, Error> {
    Ok(Record {
        id: row.id,
        kind: row.kind,
        key: row.dedup,
        state: State::from_number(row.state)?,
        attempt: u32::try_from(row.attempt).unwrap_or(0),
        max_attempts: u32::try_from(row.max_attempts).unwrap_or(0),
        due: Timestamp(row.due_at),
        last_error: row.last_error,
        created: Timestamp(row.created_at),
        updated: Timestamp(row.updated_at),
    })
}

pub(super) async fn prune(tx: &DatabaseTransaction, now: Timestamp) -> Result<u64, Error> {
    let mut deleted = 0;
    for (state, keep) in [(State::Done, KEEP_DONE), (State::Dead, KEEP_DEAD)] {
        let old = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(Column::State.eq(state.number()))
            .and_where(Column::UpdatedAt.lt(now.minus(keep).0))
            .limit(PRUNE_MAX)
            .to_owned();
        let delete = Entity::delete_many().filter(Column::Id.in_subquery(old));
        deleted += delete.exec(tx).await.map_err(db_error)?.rows_affected;
    }
    Ok(deleted)
}

/// How many jobs of each kind wait past their time, run and are dead.
pub(super) struct Count {
    pub(super) kind: String,
    pub(super) state: i16,
    pub(super) count: i64,
    /// The earliest moment that one of them was or is due.
    pub(super) oldest: Timestamp,
}

pub(super) async fn counts(db: &DatabaseConnection, now: Timestamp) -> Result<Vec<Count>, Error> {
    let select = Query::select()
        .columns([Column::Kind, Column::State])
        .expr(Expr::col(Column::Id).count())
        .expr(Expr::col(Column::DueAt).min())
        .from(Entity)
        .and_where(
            Column::State
                .is_in([State::Running.number(), State::Dead.number()])
                .or(Column::State.eq(State::Waiting.number()).and(Column::DueAt.lte(now.0))),
        )
        .add_group_by([Expr::col(Column::Kind), Expr::col(Column::State)])
        .to_owned();
    let rows = db.query_all(&select).await.map_err(db_error)?;
    rows.iter()
        .map(|row| {
            let kind = row.try_get_by_index(0).map_err(db_error)?;
            let state = row.try_get_by_index(1).map_err(db_error)?;
            let count = row.try_get_by_index(2).map_err(db_error)?;
            let oldest = Timestamp(row.try_get_by_index(3).map_err(db_error)?);
            Ok(Count { kind, state, count, oldest })
        })
        .collect()
}

fn shorten(error: &str) -> String {
    error.chars().take(ERROR_CHARS_MAX).collect()
}
