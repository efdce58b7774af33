//! Machine clients in the database.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::outbox;
use kvartal_kernel::{Clock, Cursor, Error, Page, PageRequest, Timestamp};
use kvartal_store::{Store, db_error, keyset};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::events;
use super::rows::machine_client::{Column, Entity, Model};
use super::rows::{client_of, client_row};
use crate::application::{DeletedClient, MachineClients};
use crate::domain::{ClientId, Event, MachineClient};

/// Machine clients in the database.
pub struct StoredClients {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl StoredClients {
    /// Machine clients in this store.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl MachineClients for StoredClients {
    async fn find(&self, id: ClientId) -> Result<Option<MachineClient>, Error> {
        let row = Entity::find_by_id(id.0).one(self.store.reader()).await.map_err(db_error)?;
        row.map(client_of).transpose()
    }

    async fn page(&self, request: PageRequest) -> Result<Page<MachineClient>, Error> {
        let rows = Entity::find().filter(Column::DeletedAt.is_null());
        let rows = keyset::descending(rows, Column::CreatedAt, Column::Id, &request);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.created_at, id: row.id });
        let items = page.items.into_iter().map(client_of).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn create(&self, client: MachineClient, events: Vec<Event>) -> Result<(), Error> {
        let messages = events::messages(events, self.clock.now());
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    Entity::insert(client_row(&client)).exec_without_returning(tx).await.map_err(db_error)?;
                    outbox::append(tx, messages).await
                })
            })
            .await
    }

    async fn delete(&self, id: ClientId, at: Timestamp, events: Vec<Event>) -> Result<(), Error> {
        let messages = events::messages(events, at);
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let deleted = Entity::update_many()
                        .col_expr(Column::DeletedAt, Expr::value(at.0))
                        .filter(Column::Id.eq(id.0))
                        .filter(Column::DeletedAt.is_null())
                        .exec(tx)
                        .await
                        .map_err(db_error)?;
                    if deleted.rows_affected == 0 { Ok(()) } else { outbox::append(tx, messages).await }
                })
            })
            .await
    }

    async fn deleted(&self, request: PageRequest) -> Result<Page<DeletedClient>, Error> {
        let rows = Entity::find().filter(Column::DeletedAt.is_not_null());
        let rows = keyset::ascending(rows, Column::DeletedAt, Column::Id, &request);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let deleted = |row: &Model| row.deleted_at.unwrap_or_default();
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: deleted(row), id: row.id });
        Ok(page.map(|row| DeletedClient { id: ClientId(row.id), at: Timestamp(deleted(&row)) }))
    }
}
