//! Records in the database: appended under the lock of the head, read in bounded pages.

use async_trait::async_trait;
use kvartal_events::inbox;
use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, Func, Query, SubQueryStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::rows::{head, record};
use crate::application::{Ends, Filter, Records};
use crate::domain::{Entry, Hash, Head, Record};

/// The head is one row.
const HEAD: i32 = 1;

/// Name of the consumer in the inbox.
const CONSUMER: &str = "audit";

/// The chain in a database.
pub(crate) struct StoredRecords {
    store: Store,
}

impl StoredRecords {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Records for StoredRecords {
    async fn append(&self, entry: Entry) -> Result<bool, Error> {
        self.store.transaction(move |tx| Box::pin(append(tx, entry))).await
    }

    async fn page(&self, filter: &Filter, request: &PageRequest) -> Result<Page<Record>, Error> {
        let Filter { actor, subject, kind, start, end } = filter;
        // Numbers begin at 1; a row below was never appended.
        let mut select = record::Entity::find().filter(record::Column::Sequence.gte(1));
        for (column, text) in
            [(record::Column::ActorId, actor), (record::Column::Subject, subject), (record::Column::Kind, kind)]
        {
            if !text.is_empty() {
                select = select.filter(column.eq(text));
            }
        }
        if let Some(start) = start {
            select = select.filter(record::Column::Time.gte(start.0));
        }
        if let Some(end) = end {
            select = select.filter(record::Column::Time.lt(end.0));
        }
        if let Some(after) = request.after {
            // The number alone decides: no two records share one.
            select = select.filter(record::Column::Sequence.lt(after.key));
        }
        let rows = select
            .order_by_desc(record::Column::Sequence)
            .limit(u64::from(request.size) + 1)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.sequence, id: row.event_id });
        Ok(page.map(Record::from))
    }

    async fn ends(&self) -> Result<Ends, Error> {
        #[derive(FromQueryResult)]
        struct Row {
            sequence: i64,
            hash: String,
            last: Option<i64>,
        }
        // One statement, so that a record appended meanwhile is either in both numbers or in none.
        let last = Query::select().expr(Func::max(Expr::col(record::Column::Sequence))).from(record::Entity).to_owned();
        let row = head::Entity::find_by_id(HEAD)
            .select_only()
            .column(head::Column::Sequence)
            .column(head::Column::Hash)
            .expr_as(Expr::from(SubQueryStatement::from(last)), "last")
            .into_model::<Row>()
            .one(self.store.reader())
            .await
            .map_err(db_error)?;
        match row {
            Some(row) => {
                let head = Head { sequence: unsigned(row.sequence), hash: Hash(row.hash) };
                Ok(Ends { head: Some(head), last: unsigned(row.last.unwrap_or(0)) })
            }
            None => {
                let newest = record::Entity::find()
                    .order_by_desc(record::Column::Sequence)
                    .one(self.store.reader())
                    .await
                    .map_err(db_error)?;
                Ok(Ends { head: None, last: newest.map_or(0, |row| unsigned(row.sequence)) })
            }
        }
    }

    async fn from(&self, sequence: u64, limit: u64) -> Result<Vec<Record>, Error> {
        let rows = record::Entity::find()
            .filter(record::Column::Sequence.gte(signed(sequence)))
            .order_by_asc(record::Column::Sequence)
            .limit(limit)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(rows.into_iter().map(Record::from).collect())
    }
}

async fn append(tx: &DatabaseTransaction, entry: Entry) -> Result<bool, Error> {
    if !inbox::first_time(tx, CONSUMER, entry.event).await? {
        return Ok(false);
    }
    // Locked until the commit: on PostgreSQL replicas append one after another, SQLite has one writer anyway.
    let row = head::Entity::find_by_id(HEAD)
        .lock_exclusive()
        .one(tx)
        .await
        .map_err(db_error)?
        .ok_or_else(|| Error::internal("the head of the audit chain is missing"))?;
    // The inbox forgets after two weeks; a dead letter replayed later must not be recorded twice.
    let known = record::Entity::find().filter(record::Column::EventId.eq(entry.event)).count(tx).await;
    if known.map_err(db_error)? > 0 {
        return Ok(false);
    }
    let record = Record::after(&Head { sequence: unsigned(row.sequence), hash: Hash(row.hash.clone()) }, entry);
    let next = record.head();
    record::Entity::insert(row_of(record)).exec_without_returning(tx).await.map_err(db_error)?;
    let mut row = row.into_active_model();
    row.sequence = Set(signed(next.sequence));
    row.hash = Set(next.hash.0);
    row.update(tx).await.map_err(db_error)?;
    Ok(true)
}

fn row_of(record: Record) -> record::ActiveModel {
    let Record { sequence, entry, previous, hash } = record;
    let Entry { event, kind, source, actor, subject, time, method, outcome, trace, details } = entry;
    record::ActiveModel {
        sequence: Set(signed(sequence)),
        event_id: Set(event),
        kind: Set(kind),
        source: Set(source),
        actor_id: Set(actor),
        subject: Set(subject),
        time: Set(time.0),
        method: Set(method),
        outcome: Set(outcome),
        trace_id: Set(trace),
        details: Set(details),
        previous_hash: Set(previous.0),
        hash: Set(hash.0),
    }
}

impl From<record::Model> for Record {
    fn from(row: record::Model) -> Self {
        let record::Model {
            sequence,
            event_id,
            kind,
            source,
            actor_id,
            subject,
            time,
            method,
            outcome,
            trace_id,
            details,
            previous_hash,
            hash,
        } = row;
        Self {
            sequence: unsigned(sequence),
            entry: Entry {
                event: event_id,
                kind,
                source,
                actor: actor_id,
                subject,
                time: Timestamp(time),
                method,
                outcome,
                trace: trace_id,
                details,
            },
            previous: Hash(previous_hash),
            hash: Hash(hash),
        }
    }
}

/// Numbers begin at 1; one that was made negative fits nowhere and is found as 0.
fn unsigned(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or(0)
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
