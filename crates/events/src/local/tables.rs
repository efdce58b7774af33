//! The tables of the in-process bus: bindings, queues, dead letters.

use std::path::Path;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, SystemClock};
use kvartal_store::{Store, db_error};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ColumnDef, Index, Query, Table};
use sea_orm::{ConnectionTrait, DatabaseTransaction, ExprTrait, PaginatorTrait, QueryOrder, QuerySelect, Set};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::consume::reason;
use crate::lanes::Settled;
use crate::{DeadLetter, Event};

/// Rows in one statement; SQLite takes 32 766 parameters.
const CHUNK: usize = 5000;
/// Dead letters shown at once.
const SHOWN: u64 = 100;

mod binding {
    //! Which kinds of events a queue takes.
    #![expect(unreachable_pub, reason = "the derive makes public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bindings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub queue: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod queued {
    //! Events that wait in a queue.
    #![expect(unreachable_pub, reason = "the derive makes public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "queued")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub queue: String,
        pub event: Vec<u8>,
        pub deliveries: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod dead {
    //! Events that were given up.
    #![expect(unreachable_pub, reason = "the derive makes public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dead_letters")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub queue: String,
        pub event: Vec<u8>,
        pub deliveries: i64,
        pub reason: String,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A file name within a `sqlite:` URL.
pub(super) fn url_path(path: &Path) -> Result<String, Error> {
    let text = path.to_str().ok_or_else(|| Error::internal("the path of the bus must be valid UTF-8"))?;
    Ok(text.replace('%', "%25").replace('?', "%3f"))
}

/// Every queue with each of its kinds.
pub(super) async fn bindings(store: &Store) -> Result<Vec<(String, String)>, Error> {
    let rows = binding::Entity::find().all(store.reader()).await.map_err(db_error)?;
    Ok(rows.into_iter().map(|row| (row.queue, row.kind)).collect())
}

/// Binds the queue to exactly these kinds.
pub(super) async fn bind(store: &Store, queue: &str, kinds: &[String]) -> Result<(), Error> {
    let queue = queue.to_owned();
    let rows: Vec<_> =
        kinds.iter().map(|kind| binding::ActiveModel { queue: Set(queue.clone()), kind: Set(kind.clone()) }).collect();
    let unit = store.transaction(move |tx| {
        Box::pin(async move {
            let old = binding::Entity::delete_many().filter(binding::Column::Queue.eq(queue));
            old.exec(tx).await.map_err(db_error)?;
            if !rows.is_empty() {
                binding::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
            }
            Ok(())
        })
    });
    unit.await
}

/// Appends to the queues, all or nothing.
pub(super) async fn enqueue(store: &Store, rows: Vec<(String, Vec<u8>)>) -> Result<(), Error> {
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(queue, event)| queued::ActiveModel {
            queue: Set(queue),
            event: Set(event),
            deliveries: Set(0),
            ..Default::default()
        })
        .collect();
    let unit = store.transaction(move |tx| {
        Box::pin(async move {
            let mut rows = rows.into_iter().peekable();
            while rows.peek().is_some() {
                let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
                queued::Entity::insert_many(chunk).exec_without_returning(tx).await.map_err(db_error)?;
            }
            Ok(())
        })
    });
    unit.await
}

/// The next rows of the queue after this place.
pub(super) async fn fetch(store: &Store, queue: &str, after: i64, limit: usize) -> Result<Vec<queued::Model>, Error> {
    queued::Entity::find()
        .filter(queued::Column::Queue.eq(queue))
        .filter(queued::Column::Seq.gt(after))
        .order_by_asc(queued::Column::Seq)
        .limit(u64::try_from(limit).unwrap_or(u64::MAX))
        .all(store.reader())
        .await
        .map_err(db_error)
}

/// The last place in any queue.
pub(super) async fn last(store: &Store) -> Result<i64, Error> {
    let row = queued::Entity::find().order_by_desc(queued::Column::Seq).one(store.reader()).await.map_err(db_error)?;
    Ok(row.map(|row| row.seq).unwrap_or_default())
}

/// Counts one delivery more for the oldest rows up to a place, which may have been on their way before.
pub(super) async fn count_delivery(store: &Store, queue: &str, upto: i64, limit: u16) -> Result<(), Error> {
    let oldest = Query::select()
        .column(queued::Column::Seq)
        .from(queued::Entity)
        .and_where(queued::Column::Queue.eq(queue))
        .and_where(queued::Column::Seq.lte(upto))
        .order_by(queued::Column::Seq, sea_orm::Order::Asc)
        .limit(u64::from(limit))
        .to_owned();
    let unit = store.transaction(move |tx| {
        Box::pin(async move {
            let counted = queued::Entity::update_many()
                .col_expr(queued::Column::Deliveries, Expr::col(queued::Column::Deliveries).add(1))
                .filter(queued::Column::Seq.in_subquery(oldest));
            counted.exec(tx).await.map_err(db_error)?;
            Ok(())
        })
    });
    unit.await
}

/// Takes these out of their queue, without a trace.
pub(super) async fn drop_rows(store: &Store, places: Vec<i64>) -> Result<(), Error> {
    store.transaction(move |tx| Box::pin(async move { delete(tx, places).await })).await
}

/// Takes what is settled out of the queue; what was given up becomes a dead letter.
pub(super) async fn forget(store: &Store, queue: &str, settled: &[Settled<i64>]) -> Result<(), Error> {
    let places: Vec<_> = settled.iter().map(|settled| settled.item.tag).collect();
    let now = SystemClock.now().0;
    let dead: Vec<_> = settled
        .iter()
        .filter_map(|settled| {
            Some(dead::ActiveModel {
                queue: Set(queue.to_owned()),
                event: Set(settled.item.event.encode()),
                deliveries: Set(settled.item.deliveries.into()),
                reason: Set(reason(settled)?.to_owned()),
                at: Set(now),
                ..Default::default()
            })
        })
        .collect();
    let unit = store.transaction(move |tx| {
        Box::pin(async move {
            if !dead.is_empty() {
                dead::Entity::insert_many(dead).exec_without_returning(tx).await.map_err(db_error)?;
            }
            delete(tx, places).await
        })
    });
    unit.await
}

async fn delete(tx: &DatabaseTransaction, places: Vec<i64>) -> Result<(), Error> {
    let rows = queued::Entity::delete_many().filter(queued::Column::Seq.is_in(places));
    rows.exec(tx).await.map_err(db_error)?;
    Ok(())
}

/// Rows in the queue.
pub(super) async fn depth(store: &Store, queue: &str) -> Result<u64, Error> {
    let rows = queued::Entity::find().filter(queued::Column::Queue.eq(queue));
    rows.count(store.reader()).await.map_err(db_error)
}

/// The oldest dead letters of the queue.
pub(super) async fn dead_letters(store: &Store, queue: &str) -> Result<Vec<DeadLetter>, Error> {
    let rows = dead::Entity::find()
        .filter(dead::Column::Queue.eq(queue))
        .order_by_asc(dead::Column::Seq)
        .limit(SHOWN)
        .all(store.reader())
        .await
        .map_err(db_error)?;
    rows.into_iter()
        .map(|row| {
            let event = Event::from_envelope(&row.event)?;
            let deliveries = u32::try_from(row.deliveries).unwrap_or(u32::MAX);
            Ok(DeadLetter { event, reason: row.reason, deliveries })
        })
        .collect()
}

/// Moves the queue's dead letters to its end.
pub(super) async fn replay(store: &Store, queue: &str) -> Result<u64, Error> {
    let queue = queue.to_owned();
    let unit = store.transaction(move |tx| {
        Box::pin(async move {
            let letters = Query::select()
                .columns([dead::Column::Queue, dead::Column::Event])
                .expr(Expr::val(0))
                .from(dead::Entity)
                .and_where(dead::Column::Queue.eq(queue.clone()))
                .order_by(dead::Column::Seq, sea_orm::Order::Asc)
                .to_owned();
            let mut insert = Query::insert();
            insert
                .into_table(queued::Entity)
                .columns([queued::Column::Queue, queued::Column::Event, queued::Column::Deliveries])
                .select_from(letters)
                .map_err(|error| Error::internal("dead letters cannot be selected").because(error))?;
            let count = tx.execute(&insert).await.map_err(db_error)?.rows_affected();
            let letters = dead::Entity::delete_many().filter(dead::Column::Queue.eq(queue));
            letters.exec(tx).await.map_err(db_error)?;
            Ok(count)
        })
    });
    unit.await
}

pub(super) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateBus)]
}

struct CreateBus;

impl MigrationName for CreateBus {
    fn name(&self) -> &str {
        "bus_0001_create"
    }
}

#[async_trait]
impl MigrationTrait for CreateBus {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let bindings = Table::create()
            .table(binding::Entity)
            .col(ColumnDef::new(binding::Column::Queue).text().not_null())
            .col(ColumnDef::new(binding::Column::Kind).text().not_null())
            .primary_key(Index::create().col(binding::Column::Queue).col(binding::Column::Kind))
            .to_owned();
        manager.create_table(bindings).await?;
        let queued = Table::create()
            .table(queued::Entity)
            .col(ColumnDef::new(queued::Column::Seq).big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new(queued::Column::Queue).text().not_null())
            .col(ColumnDef::new(queued::Column::Event).blob().not_null())
            .col(ColumnDef::new(queued::Column::Deliveries).big_integer().not_null())
            .to_owned();
        manager.create_table(queued).await?;
        let by_queue = Index::create()
            .name("queued_queue_seq")
            .table(queued::Entity)
            .col(queued::Column::Queue)
            .col(queued::Column::Seq)
            .to_owned();
        manager.create_index(by_queue).await?;
        let dead = Table::create()
            .table(dead::Entity)
            .col(ColumnDef::new(dead::Column::Seq).big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new(dead::Column::Queue).text().not_null())
            .col(ColumnDef::new(dead::Column::Event).blob().not_null())
            .col(ColumnDef::new(dead::Column::Deliveries).big_integer().not_null())
            .col(ColumnDef::new(dead::Column::Reason).text().not_null())
            .col(ColumnDef::new(dead::Column::At).big_integer().not_null())
            .to_owned();
        manager.create_table(dead).await?;
        let by_queue = Index::create()
            .name("dead_letters_queue_seq")
            .table(dead::Entity)
            .col(dead::Column::Queue)
            .col(dead::Column::Seq)
            .to_owned();
        manager.create_index(by_queue).await
    }
}
