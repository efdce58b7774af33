//! Users in the database.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::outbox;
use kvartal_host::jobs::Jobs;
use kvartal_kernel::{Clock, Cursor, Error, Page, PageRequest, Role, Timestamp, Uuid};
use kvartal_store::{Store, db_error, keyset};
use sea_orm::sea_query::{Expr, ExprTrait as _, LikeExpr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, SelectExt as _,
};

use super::rows::{account, account_of, account_role, account_row, role_row, session, session_of, session_row};
use super::{events, jobs};
use crate::application::{Change, Changed, EndedSession, Users};
use crate::domain::{Account, Email, Event, Purpose, Session, SessionId, TokenHash, User, UserId, no_such_user};

/// Rows deleted in one transaction, so that it stays short.
const FORGET_MAX: u64 = 500;

/// Users in the database.
pub struct StoredUsers {
    store: Store,
    jobs: Jobs,
    clock: Arc<dyn Clock>,
}

impl StoredUsers {
    /// Users in this store; links are mailed by these jobs.
    pub fn new(store: Store, jobs: Jobs, clock: Arc<dyn Clock>) -> Self {
        Self { store, jobs, clock }
    }

    async fn one(&self, filter: impl sea_orm::sea_query::IntoCondition) -> Result<Option<Account>, Error> {
        let row = account::Entity::find().filter(filter).one(self.store.reader()).await.map_err(db_error)?;
        row.map(account_of).transpose()
    }
}

#[async_trait]
impl Users for StoredUsers {
    async fn find(&self, id: UserId) -> Result<Option<Account>, Error> {
        self.one(account::Column::Id.eq(id.0)).await
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<Account>, Error> {
        self.one(account::Column::EmailKey.eq(email.key())).await
    }

    async fn find_by_link(&self, purpose: Purpose, token: &TokenHash) -> Result<Option<Account>, Error> {
        let column = match purpose {
            Purpose::Confirmation => account::Column::ConfirmationHash,
            Purpose::Reset => account::Column::ResetHash,
        };
        self.one(column.eq(token.as_bytes())).await
    }

    async fn page(&self, role: Option<Role>, query: &str, request: PageRequest) -> Result<Page<Account>, Error> {
        let reader = self.store.reader();
        let Some(role) = role else {
            let rows = account::Entity::find().filter(found_by(query));
            let rows = keyset::descending(rows, account::Column::CreatedAt, account::Column::Id, &request);
            let rows = rows.all(reader).await.map_err(db_error)?;
            let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.created_at, id: row.id });
            return accounts(page);
        };
        use account_role::Column;
        let rows = account_role::Entity::find().filter(Column::Role.eq(role as i16));
        let rows = if query.is_empty() {
            rows
        } else {
            let found = account::Entity::find().select_only().column(account::Column::Id).filter(found_by(query));
            rows.filter(Column::UserId.in_subquery(found.into_query()))
        };
        let rows = keyset::descending(rows, Column::CreatedAt, Column::UserId, &request);
        let rows = rows.all(reader).await.map_err(db_error)?;
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.created_at, id: row.user_id });
        let ids = page.items.iter().map(|row| row.user_id);
        let rows =
            account::Entity::find().filter(account::Column::Id.is_in(ids)).all(reader).await.map_err(db_error)?;
        let mut by_id: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        let items = page.items.iter().filter_map(|row| by_id.remove(&row.user_id)).collect();
        accounts(Page { items, next: page.next })
    }

    async fn sessions(&self, id: UserId) -> Result<Vec<Session>, Error> {
        sessions(self.store.reader(), id).await
    }

    async fn find_session(&self, family: &TokenHash) -> Result<Option<(UserId, SessionId)>, Error> {
        let row = session::Entity::find()
            .filter(session::Column::Family.eq(family.as_bytes()))
            .filter(session::Column::EndedAt.is_null())
            .one(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(row.map(|row| (UserId(row.user_id), SessionId(row.id))))
    }

    async fn owns_session(&self, id: UserId, session: SessionId) -> Result<bool, Error> {
        let row = session::Entity::find_by_id(session.0).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.is_some_and(|row| row.user_id == id.0))
    }

    async fn knows_device(&self, id: UserId, user_agent: &str) -> Result<bool, Error> {
        let reader = self.store.reader();
        let own = session::Entity::find().filter(session::Column::UserId.eq(id.0));
        let same = own.clone().filter(session::Column::UserAgent.eq(user_agent));
        if same.exists(reader).await.map_err(db_error)? {
            return Ok(true);
        }
        Ok(!own.exists(reader).await.map_err(db_error)?)
    }

    async fn register(&self, account: Account, events: Vec<Event>) -> Result<bool, Error> {
        let messages = events::messages(events, self.clock.now());
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let free = OnConflict::column(account::Column::EmailKey).do_nothing().to_owned();
                    let insert = account::Entity::insert(account_row(&account)).on_conflict(free);
                    if insert.exec_without_returning(tx).await.map_err(db_error)? == 0 {
                        return Ok(false);
                    }
                    let roles = account.roles.iter().map(|role| role_row(&account, role));
                    account_role::Entity::insert_many(roles).exec_without_returning(tx).await.map_err(db_error)?;
                    outbox::append(tx, messages).await?;
                    Ok(true)
                })
            })
            .await
    }

    async fn change(&self, id: UserId, change: Change<User>) -> Result<Changed, Error> {
        let clock = self.clock.clone();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let before = lock(tx, id).await?;
                    let mut user = before.clone();
                    let events = change(&mut user)?;
                    save(tx, &before, &user).await?;
                    outbox::append(tx, events::messages(events.clone(), clock.now())).await?;
                    Ok(Changed { user, events })
                })
            })
            .await
    }

    async fn want_link(&self, purpose: Purpose, email: &Email) -> Result<(), Error> {
        let (jobs, job) = (self.jobs.clone(), jobs::want_link(purpose, email, self.clock.now()));
        self.store.transaction(move |tx| Box::pin(async move { jobs.enqueue(tx, job).await.map(drop) })).await
    }

    async fn ended_sessions(&self, request: PageRequest) -> Result<Page<EndedSession>, Error> {
        use session::Column;
        let rows = session::Entity::find().filter(Column::EndedAt.is_not_null());
        let rows = keyset::ascending(rows, Column::EndedAt, Column::Id, &request);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let ended = |row: &session::Model| row.ended_at.unwrap_or_default();
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: ended(row), id: row.id });
        Ok(page.map(|row| EndedSession { id: SessionId(row.id), at: Timestamp(ended(&row)) }))
    }

    async fn changed_roles(&self, request: PageRequest) -> Result<Page<Account>, Error> {
        use account::Column;
        let rows = account::Entity::find().filter(Column::Generation.gt(1));
        let rows = keyset::ascending(rows, Column::GenerationAt, Column::Id, &request);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        accounts(Page::from_surplus(rows, request.size, |row| Cursor { key: row.generation_at, id: row.id }))
    }

    async fn forget_sessions(&self, before: Timestamp) -> Result<u64, Error> {
        use session::Column;
        let ids: Vec<Uuid> = session::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::LastSeenAt.lt(before.0))
            .limit(FORGET_MAX)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        if ids.is_empty() {
            return Ok(0);
        }
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let delete = session::Entity::delete_many().filter(Column::Id.is_in(ids));
                    Ok(delete.exec(tx).await.map_err(db_error)?.rows_affected)
                })
            })
            .await
    }
}

fn accounts(page: Page<account::Model>) -> Result<Page<Account>, Error> {
    let items = page.items.into_iter().map(account_of).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// The user, kept from changing until the transaction ends. The account's row stands for the whole user, so the sessions
/// are read by a second statement: it sees what was committed while the first one waited.
async fn lock(tx: &DatabaseTransaction, id: UserId) -> Result<User, Error> {
    let row = account::Entity::find_by_id(id.0).lock_exclusive().one(tx).await.map_err(db_error)?;
    let account = account_of(row.ok_or_else(no_such_user)?)?;
    Ok(User { account, sessions: sessions(tx, id).await? })
}

/// The sessions that nobody has ended, newest first; there are never more than [`Session::MAX`].
async fn sessions(db: &impl ConnectionTrait, id: UserId) -> Result<Vec<Session>, Error> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(id.0))
        .filter(session::Column::EndedAt.is_null())
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id)
        .all(db)
        .await
        .map_err(db_error)?;
    rows.into_iter().map(session_of).collect()
}

/// Accounts with these words in their name or address, or with this number; all of them without words.
fn found_by(query: &str) -> Condition {
    if query.is_empty() {
        return Condition::all();
    }
    if let Ok(id) = Uuid::parse_str(query) {
        return Condition::all().add(account::Column::Id.eq(id));
    }
    let words = query.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let like = LikeExpr::new(format!("%{words}%")).escape('\\');
    Condition::all().add(Expr::col(account::Column::SearchKey).like(like))
}

/// Writes what differs.
async fn save(tx: &DatabaseTransaction, before: &User, after: &User) -> Result<(), Error> {
    if before.account.roles != after.account.roles {
        save_roles(tx, &before.account, &after.account).await?;
    }
    if before.account != after.account {
        let update = account::Entity::update(account_row(&after.account));
        update.exec_without_returning(tx).await.map_err(db_error)?;
    }
    let known: HashMap<SessionId, &Session> = before.sessions.iter().map(|session| (session.id, session)).collect();
    for session in &after.sessions {
        match known.get(&session.id) {
            Some(known) if *known == session => {}
            Some(_) => {
                let update = session::Entity::update(session_row(session));
                update.exec_without_returning(tx).await.map_err(db_error)?;
            }
            None => {
                let insert = session::Entity::insert(session_row(session));
                insert.exec_without_returning(tx).await.map_err(db_error)?;
            }
        }
    }
    Ok(())
}

async fn save_roles(tx: &DatabaseTransaction, before: &Account, after: &Account) -> Result<(), Error> {
    use account_role::{Column, Entity};
    if before.roles.contains(Role::Admin) && !after.roles.contains(Role::Admin) {
        // Locked in one order, so that two administrators who take the role from each other take turns.
        let admins = Entity::find()
            .filter(Column::Role.eq(Role::Admin as i16))
            .order_by_asc(Column::UserId)
            .limit(2)
            .lock_exclusive()
            .all(tx)
            .await
            .map_err(db_error)?;
        if admins.iter().all(|row| row.user_id == before.id.0) {
            return Err(Account::last_admin());
        }
    }
    for role in before.roles.iter().filter(|role| !after.roles.contains(*role)) {
        let delete = Entity::delete_by_id((before.id.0, role as i16));
        delete.exec(tx).await.map_err(db_error)?;
    }
    for role in after.roles.iter().filter(|role| !before.roles.contains(*role)) {
        Entity::insert(role_row(after, role)).exec_without_returning(tx).await.map_err(db_error)?;
    }
    Ok(())
}
