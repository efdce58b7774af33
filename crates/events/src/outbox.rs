//! The outbox: events wait beside the data until the relay has published them.

use async_trait::async_trait;
use kvartal_kernel::{Error, Timestamp};
use kvartal_store::db_error;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ColumnDef, Query, Table};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect, Set};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::{Event, inbox};

mod table {
    //! The rows of the outbox: events in columns, so that an operator can read them.
    #![expect(unreachable_pub, reason = "the derive makes public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub id: Uuid,
        pub kind: String,
        pub source: String,
        pub subject: String,
        pub at: i64,
        pub traceparent: String,
        pub payload: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use table::{ActiveModel, Column, Entity, Model};

/// Rows in one statement; PostgreSQL takes 65 535 parameters, SQLite 32 766.
const CHUNK: usize = 1000;
/// The depth is counted up to here.
const COUNTED: u64 = 100_000;

/// Writes events in the transaction of the change they tell about, after the change itself: the lock that the change
/// takes on its aggregate is what keeps the events of a subject in order.
pub async fn append(tx: &DatabaseTransaction, events: Vec<Event>) -> Result<(), Error> {
    #[cfg(debug_assertions)]
    let Some(events) = crate::sabotage::divert(events) else { return Ok(()) };
    write(tx, events).await
}

pub(crate) async fn write(tx: &DatabaseTransaction, events: Vec<Event>) -> Result<(), Error> {
    let mut events = events.into_iter().map(row).peekable();
    while events.peek().is_some() {
        let rows: Vec<_> = events.by_ref().take(CHUNK).collect();
        Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
    }
    Ok(())
}

/// The tables of the outbox and the inbox.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateOutbox), Box::new(inbox::CreateInbox)]
}

fn row(event: Event) -> ActiveModel {
    ActiveModel {
        id: Set(event.id),
        kind: Set(event.kind),
        source: Set(event.source),
        subject: Set(event.subject),
        at: Set(event.time.0),
        traceparent: Set(event.traceparent),
        payload: Set(event.payload.into()),
        ..Default::default()
    }
}

/// The oldest events with their places.
pub(crate) async fn oldest<C: ConnectionTrait>(connection: &C, limit: u64) -> Result<(Vec<i64>, Vec<Event>), Error> {
    let rows = Entity::find().order_by_asc(Column::Seq).limit(limit).all(connection).await.map_err(db_error)?;
    Ok(rows.into_iter().map(event).unzip())
}

fn event(row: Model) -> (i64, Event) {
    let event = Event {
        id: row.id,
        kind: row.kind,
        source: row.source,
        subject: row.subject,
        time: Timestamp(row.at),
        traceparent: row.traceparent,
        payload: row.payload.into(),
    };
    (row.seq, event)
}

/// Forgets exactly these: a range could hold an event of a transaction that was slower to commit.
pub(crate) async fn delete(tx: &DatabaseTransaction, places: Vec<i64>) -> Result<(), Error> {
    Entity::delete_many().filter(Column::Seq.is_in(places)).exec(tx).await.map_err(db_error)?;
    Ok(())
}

/// How many events wait, and since when the oldest.
pub(crate) async fn backlog<C: ConnectionTrait>(connection: &C) -> Result<(u64, Option<Timestamp>), Error> {
    let oldest = Entity::find().order_by_asc(Column::Seq).one(connection).await.map_err(db_error)?;
    let Some(oldest) = oldest else { return Ok((0, None)) };
    let rows = Query::select().column(Column::Seq).from(Entity).limit(COUNTED).to_owned();
    let count = Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(rows, "waiting").to_owned();
    let count = connection.query_one(&count).await.map_err(db_error)?;
    let count: i64 = count.map(|row| row.try_get_by_index(0)).transpose().map_err(db_error)?.unwrap_or_default();
    Ok((u64::try_from(count).unwrap_or_default(), Some(Timestamp(oldest.at))))
}

struct CreateOutbox;

impl MigrationName for CreateOutbox {
    fn name(&self) -> &str {
        "events_0001_outbox"
    }
}

#[async_trait]
impl MigrationTrait for CreateOutbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Entity)
            .col(ColumnDef::new(Column::Seq).big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new(Column::Id).uuid().not_null())
            .col(ColumnDef::new(Column::Kind).text().not_null())
            .col(ColumnDef::new(Column::Source).text().not_null())
            .col(ColumnDef::new(Column::Subject).text().not_null())
            .col(ColumnDef::new(Column::At).big_integer().not_null())
            .col(ColumnDef::new(Column::Traceparent).text().not_null())
            .col(ColumnDef::new(Column::Payload).blob().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
