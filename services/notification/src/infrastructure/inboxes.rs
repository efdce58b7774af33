//! Inboxes in the database. Everything that changes one locks its row first, so that nobody waits in a circle.

use async_trait::async_trait;
use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Select, Set,
};

use super::rows::{inbox, notification};
use crate::application::{Inboxes, Which};
use crate::domain::{Data, InboxState, Kind, Notification, NotificationId, UserId};

/// Inboxes in a database.
pub(crate) struct StoredInboxes {
    store: Store,
}

impl StoredInboxes {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

/// What the inbox of a person shows.
fn visible(user: UserId) -> Select<notification::Entity> {
    notification::Entity::find()
        .filter(notification::Column::UserId.eq(user.0))
        .filter(notification::Column::Archived.eq(false))
}

#[async_trait]
impl Inboxes for StoredInboxes {
    async fn page(&self, user: UserId, unread_only: bool, request: &PageRequest) -> Result<Page<Notification>, Error> {
        let mut select = visible(user).filter(notification::Column::Sequence.gt(0));
        if unread_only {
            select = select.filter(notification::Column::ReadTime.is_null());
        }
        if let Some(after) = request.after {
            // Places in one inbox are unique; the place alone decides.
            select = select.filter(notification::Column::Sequence.lt(after.key));
        }
        let rows = select
            .order_by_desc(notification::Column::Sequence)
            .limit(u64::from(request.size) + 1)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.sequence, id: row.id });
        let items = page.items.into_iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn after(&self, user: UserId, sequence: i64, limit: u64) -> Result<Vec<Notification>, Error> {
        let rows = visible(user)
            .filter(notification::Column::Sequence.gt(Ord::max(sequence, 0)))
            .order_by_asc(notification::Column::Sequence)
            .limit(limit)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        rows.into_iter().map(from_row).collect()
    }

    async fn states(&self, users: &[UserId]) -> Result<Vec<(UserId, InboxState)>, Error> {
        let users = users.iter().map(|user| user.0);
        let rows = inbox::Entity::find()
            .filter(inbox::Column::UserId.is_in(users))
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), state(&row))).collect())
    }

    async fn mark_read(&self, user: UserId, which: Which, now: Timestamp) -> Result<InboxState, Error> {
        self.store.transaction(move |tx| Box::pin(mark_read(tx, user, which, now))).await
    }

    async fn archive(&self, user: UserId, which: Vec<NotificationId>) -> Result<InboxState, Error> {
        self.store.transaction(move |tx| Box::pin(archive(tx, user, which))).await
    }
}

async fn mark_read(tx: &DatabaseTransaction, user: UserId, which: Which, now: Timestamp) -> Result<InboxState, Error> {
    let Some(row) = lock(tx, user).await? else { return Ok(InboxState::default()) };
    let mut update = notification::Entity::update_many()
        .col_expr(notification::Column::ReadTime, Expr::value(now.0))
        .filter(notification::Column::UserId.eq(user.0))
        .filter(notification::Column::Archived.eq(false))
        .filter(notification::Column::Sequence.gt(0))
        .filter(notification::Column::ReadTime.is_null());
    if let Which::These(ids) = which {
        update = update.filter(notification::Column::Id.is_in(ids.into_iter().map(|id| id.0)));
    }
    let read = update.exec(tx).await.map_err(db_error)?.rows_affected;
    count_down(tx, row, read).await
}

async fn archive(tx: &DatabaseTransaction, user: UserId, which: Vec<NotificationId>) -> Result<InboxState, Error> {
    let Some(row) = lock(tx, user).await? else { return Ok(InboxState::default()) };
    let these = || {
        notification::Entity::update_many()
            .col_expr(notification::Column::Archived, Expr::value(true))
            .filter(notification::Column::UserId.eq(user.0))
            .filter(notification::Column::Archived.eq(false))
            .filter(notification::Column::Id.is_in(which.iter().map(|id| id.0)))
    };
    let unread = these().filter(notification::Column::ReadTime.is_null()).filter(notification::Column::Sequence.gt(0));
    let unread = unread.exec(tx).await.map_err(db_error)?.rows_affected;
    these().exec(tx).await.map_err(db_error)?;
    count_down(tx, row, unread).await
}

async fn lock(tx: &DatabaseTransaction, user: UserId) -> Result<Option<inbox::Model>, Error> {
    inbox::Entity::find_by_id(user.0).lock_exclusive().one(tx).await.map_err(db_error)
}

async fn count_down(tx: &DatabaseTransaction, row: inbox::Model, by: u64) -> Result<InboxState, Error> {
    if by == 0 {
        return Ok(state(&row));
    }
    let unread = Ord::max(0, row.unread_count.saturating_sub(i64::try_from(by).unwrap_or(i64::MAX)));
    let mut row = row.into_active_model();
    row.unread_count = Set(unread);
    Ok(state(&row.update(tx).await.map_err(db_error)?))
}

/// Gives the receivers (sorted, no two alike) the next place in their inboxes.
pub(super) async fn next_places(tx: &DatabaseTransaction, users: &[Uuid]) -> Result<Vec<(Uuid, i64)>, Error> {
    /// Rows of one statement.
    const CHUNK: usize = 200;
    let mut places = Vec::with_capacity(users.len());
    for users in users.chunks(CHUNK) {
        let rows = users.iter().map(|user| inbox::ActiveModel {
            user_id: Set(*user),
            last_sequence: Set(1),
            unread_count: Set(1),
        });
        let count = |column: inbox::Column| Expr::col((inbox::Entity, column)).add(1);
        let again = sea_orm::sea_query::OnConflict::column(inbox::Column::UserId)
            .value(inbox::Column::LastSequence, count(inbox::Column::LastSequence))
            .value(inbox::Column::UnreadCount, count(inbox::Column::UnreadCount))
            .to_owned();
        let rows =
            inbox::Entity::insert_many(rows).on_conflict(again).exec_with_returning(tx).await.map_err(db_error)?;
        places.extend(rows.into_iter().map(|row| (row.user_id, row.last_sequence)));
    }
    Ok(places)
}

fn state(row: &inbox::Model) -> InboxState {
    InboxState { last_sequence: row.last_sequence, unread: u32::try_from(row.unread_count).unwrap_or(0) }
}

pub(super) fn from_row(row: notification::Model) -> Result<Notification, Error> {
    let kind = Kind::from_number(row.kind)
        .ok_or_else(|| Error::internal(format!("notification {} has kind {}", row.id, row.kind)))?;
    Ok(Notification {
        id: NotificationId(row.id),
        kind,
        subject: row.subject,
        link: row.link,
        data: parse(&row.data)?,
        sequence: row.sequence,
        created: Timestamp(row.create_time),
        read: row.read_time.map(Timestamp),
    })
}

/// Reads a JSON object of texts; what was wrong with it stays out of the message.
pub(super) fn parse(json: &str) -> Result<Data, Error> {
    serde_json::from_str(json).map_err(|_| Error::internal("stored texts cannot be read"))
}

pub(super) fn write(data: &Data) -> Result<String, Error> {
    serde_json::to_string(data).map_err(|_| Error::internal("texts cannot be stored"))
}
