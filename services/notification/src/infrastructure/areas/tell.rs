//! What was gathered becomes messages.

use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Error, Timestamp};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::rows::{followed, message, news};
use super::{forget, from_row};
use crate::application::Gathered;
use crate::domain::{Calm, Kind, digest};
use crate::infrastructure::deliveries::{Queue, write_plan};

/// Messages made in one transaction.
const BATCH: u64 = 50;
/// Things of one message that are looked at; more are not counted.
const THINGS_MAX: u64 = 1_000;
/// What was told is kept so long, for the end of a jam to find those who were told of it.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What was gathered, in a database.
pub(crate) struct StoredGathered {
    store: Store,
    queue: Queue,
    calm: Calm,
}

impl StoredGathered {
    pub(crate) fn new(store: Store, queue: Queue, calm: Calm) -> Self {
        Self { store, queue, calm }
    }
}

#[async_trait]
impl Gathered for StoredGathered {
    async fn tell(&self, now: Timestamp) -> Result<usize, Error> {
        let ready = || {
            message::Entity::find()
                .filter(message::Column::ReadyTime.lte(now.0))
                .filter(message::Column::QuietUntil.lte(now.0))
        };
        // Looked at first where nobody has to wait for the writer.
        if ready().one(self.store.reader()).await.map_err(db_error)?.is_none() {
            return Ok(0);
        }
        let (queue, calm) = (self.queue.clone(), self.calm);
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    // Other replicas tell what this one does not hold. In the order in which news are added.
                    let due = message::Entity::find()
                        .filter(message::Column::ReadyTime.lte(now.0))
                        .filter(message::Column::QuietUntil.lte(now.0))
                        .order_by_asc(message::Column::AreaId)
                        .limit(BATCH)
                        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                        .all(tx)
                        .await
                        .map_err(db_error)?;
                    for one in &due {
                        tell(tx, &queue, calm, one, now).await?;
                    }
                    Ok(due.len())
                })
            })
            .await
    }
}

async fn tell(
    tx: &DatabaseTransaction,
    queue: &Queue,
    calm: Calm,
    due: &message::Model,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(area) = followed::Entity::find_by_id(due.area_id).one(tx).await.map_err(db_error)? else {
        return forget(tx, due.area_id).await;
    };
    let area = from_row(area)?;
    let kind = Kind::from_number(due.kind).ok_or_else(|| Error::internal(format!("news of kind {}", due.kind)))?;
    let waiting = news::Entity::find()
        .filter(news::Column::AreaId.eq(due.area_id))
        .filter(news::Column::Kind.eq(due.kind))
        .filter(news::Column::ToldTime.is_null())
        .order_by_asc(news::Column::CreateTime)
        .limit(THINGS_MAX)
        .all(tx)
        .await
        .map_err(db_error)?;
    let things: Vec<_> = waiting.into_iter().map(|row| (row.subject, row.line, row.link)).collect();
    let notice = digest(&area, kind, &things);
    let quiet_until = if notice.is_some() { now.plus(calm.quiet) } else { Timestamp(due.quiet_until) };
    message::Entity::update_many()
        .col_expr(message::Column::ReadyTime, Expr::value(None::<i64>))
        .col_expr(message::Column::QuietUntil, Expr::value(quiet_until.0))
        .filter(message::Column::AreaId.eq(due.area_id))
        .filter(message::Column::Kind.eq(due.kind))
        .exec(tx)
        .await
        .map_err(db_error)?;
    let Some(notice) = notice else { return Ok(()) };
    remember(tx, calm, due, now).await?;
    // No single event stands behind it; the id serves as one.
    write_plan(tx, queue, now.uuid(), vec![notice], now).await?;
    Ok(())
}

/// Marks what is told now, and forgets what was told so long ago that it may be told again.
async fn remember(tx: &DatabaseTransaction, calm: Calm, due: &message::Model, now: Timestamp) -> Result<(), Error> {
    news::Entity::update_many()
        .col_expr(news::Column::ToldTime, Expr::value(now.0))
        .filter(news::Column::AreaId.eq(due.area_id))
        .filter(news::Column::Kind.eq(due.kind))
        .filter(news::Column::ToldTime.is_null())
        .exec(tx)
        .await
        .map_err(db_error)?;
    news::Entity::delete_many()
        .filter(news::Column::AreaId.eq(due.area_id))
        .filter(news::Column::ToldTime.lt(now.minus(calm.again).0))
        .filter(news::Column::CreateTime.lt(now.minus(KEPT).0))
        .exec(tx)
        .await
        .map_err(db_error)?;
    Ok(())
}
