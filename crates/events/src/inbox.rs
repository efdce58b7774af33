//! The inbox: which events a consumer has applied.

use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, SystemClock, Timestamp, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ColumnDef, Index, OnConflict, Query, Table};
use sea_orm::{ConnectionTrait, DatabaseTransaction, ExprTrait};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

mod table {
    //! The rows of the inbox.
    #![expect(unreachable_pub, reason = "the derive makes public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub event: Uuid,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use table::{Column, Entity};

/// How long an event is remembered. No event comes again so late: neither does a queue keep one that was handled, nor
/// does anybody replay one.
const REMEMBERED: Duration = Duration::from_secs(14 * 24 * 3600);
/// Rows forgotten in one transaction.
const CHUNK: u64 = 1000;

/// Whether the consumer sees the event for the first time. Call it in the transaction of the event's effect: both are
/// kept or neither is. A concurrent delivery of the same event waits for this transaction's end.
pub async fn first_time(tx: &DatabaseTransaction, consumer: &str, event: Uuid) -> Result<bool, Error> {
    let insert = Query::insert()
        .into_table(Entity)
        .columns([Column::Consumer, Column::Event, Column::At])
        .values_panic([consumer.into(), event.into(), SystemClock.now().0.into()])
        .on_conflict(OnConflict::columns([Column::Consumer, Column::Event]).do_nothing().to_owned())
        .to_owned();
    let result = tx.execute(&insert).await.map_err(db_error)?;
    Ok(result.rows_affected() == 1)
}

/// Forgets events applied more than 14 days before `now`, a thousand at a time; returns how many.
pub async fn prune(store: &Store, now: Timestamp) -> Result<u64, Error> {
    let before = now.minus(REMEMBERED).0;
    let mut forgotten = 0;
    loop {
        let deleted = store.transaction(move |tx| Box::pin(forget(tx, before))).await?;
        forgotten += deleted;
        if deleted < CHUNK {
            return Ok(forgotten);
        }
    }
}

async fn forget(tx: &DatabaseTransaction, before: i64) -> Result<u64, Error> {
    let old = Query::select()
        .columns([Column::Consumer, Column::Event])
        .from(Entity)
        .and_where(Column::At.lt(before))
        .limit(CHUNK)
        .to_owned();
    let row = Expr::tuple([Expr::col(Column::Consumer), Expr::col(Column::Event)]);
    let delete = Query::delete().from_table(Entity).and_where(row.in_subquery(old)).to_owned();
    Ok(tx.execute(&delete).await.map_err(db_error)?.rows_affected())
}

pub(crate) struct CreateInbox;

impl MigrationName for CreateInbox {
    fn name(&self) -> &str {
        "events_0002_inbox"
    }
}

#[async_trait]
impl MigrationTrait for CreateInbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Entity)
            .col(ColumnDef::new(Column::Consumer).text().not_null())
            .col(ColumnDef::new(Column::Event).uuid().not_null())
            .col(ColumnDef::new(Column::At).big_integer().not_null())
            .primary_key(Index::create().col(Column::Consumer).col(Column::Event))
            .to_owned();
        manager.create_table(table).await?;
        manager.create_index(Index::create().name("inbox_at").table(Entity).col(Column::At).to_owned()).await
    }
}
