//! The change log: what streams are fed from, in every replica.
//!
//! Positions come from a sequence, and on PostgreSQL transactions commit in another order than they draw positions: a
//! reader that has seen 7 may find 6 a moment later. Whoever reads on from 7 would lose 6. So the reader stops at the
//! first missing position and asks the database which transactions still run. A missing position was drawn before the
//! greater one beside it was seen, by a transaction that had written something before and so had a number (xid) of its
//! own; once every transaction with a number given out by then has ended, the position is either there or was rolled back
//! and will never be. Writers pay nothing for this, nothing waits in a lock, and nothing depends on transaction numbers
//! that a restored backup would not have.
//!
//! SQLite has one writer: what is committed is complete.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use kvartal_kernel::{Error, Timestamp};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};

use super::persist::{INCIDENT, REPORT};
use super::rows::change_log::{Column, Entity, Model};
use super::rows::{incident, json_of, report};
use crate::application::ports::{Changes, Logged, NextRead, Snapshot, Subject, Tail};
use crate::domain::incident::Incident;
use crate::domain::report::Report;

/// Entries of one reading.
const TAIL_MAX: u64 = 500;

/// The change log in a database. One reader in each process follows its end.
pub struct StoredChanges {
    store: Store,
    doubt: Mutex<Option<Doubt>>,
}

/// Positions that may still come.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// What is missing up to here…
    to: i64,
    /// …never comes once every transaction below this number has ended.
    transactions: i64,
}

/// Which transactions run.
#[derive(Clone, Copy)]
struct Running {
    /// Every one below has ended.
    lowest: i64,
    /// No number from here on is given out.
    next: i64,
}

impl StoredChanges {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store, doubt: Mutex::new(None) }
    }

    async fn running(&self) -> Result<Running, Error> {
        let text = "SELECT pg_snapshot_xmin(s)::text::bigint AS lowest, pg_snapshot_xmax(s)::text::bigint AS next \
                    FROM pg_current_snapshot() AS s";
        let row = self
            .store
            .reader()
            .query_one_raw(Statement::from_string(DbBackend::Postgres, text))
            .await
            .map_err(db_error)?
            .ok_or_else(|| Error::internal("PostgreSQL has no snapshot"))?;
        let number = |name: &str| row.try_get::<i64>("", name).map_err(db_error);
        Ok(Running { lowest: number("lowest")?, next: number("next")? })
    }

    async fn rows(&self, after: i64) -> Result<Vec<Model>, Error> {
        Entity::find()
            .filter(Column::Position.gt(after))
            .order_by_asc(Column::Position)
            .limit(TAIL_MAX)
            .all(self.store.reader())
            .await
            .map_err(db_error)
    }

    fn doubt(&self) -> Option<Doubt> {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_doubt(&self, doubt: Option<Doubt>) {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = doubt;
    }

    /// Up to where missing positions are known never to come.
    async fn proven(&self) -> Result<Option<i64>, Error> {
        let Some(doubt) = self.doubt() else { return Ok(None) };
        if self.running().await?.lowest < doubt.transactions {
            return Ok(None);
        }
        self.set_doubt(None);
        Ok(Some(doubt.to))
    }
}

#[async_trait]
impl Changes for StoredChanges {
    async fn start(&self) -> Result<Option<i64>, Error> {
        if !self.store.is_postgres() {
            return Ok(Some(self.range().await?.map_or(0, |(_, last)| last)));
        }
        if let Some(proven) = self.proven().await? {
            return Ok(Some(proven));
        }
        if self.doubt().is_none() {
            let last = self.range().await?.map_or(0, |(_, last)| last);
            let transactions = self.running().await?.next;
            self.set_doubt(Some(Doubt { to: last, transactions }));
        }
        Ok(None)
    }

    async fn tail(&self, settled: i64) -> Result<Tail, Error> {
        // In this order: what had ended before the rows are read is among them.
        let proven = if self.store.is_postgres() { self.proven().await?.unwrap_or(settled) } else { i64::MAX };
        let rows = self.rows(settled).await?;
        let full = u64::try_from(rows.len()).is_ok_and(|count| count == TAIL_MAX);
        let newest = rows.last().map(|row| row.position);
        let mut tail = Tail { settled, changes: Vec::with_capacity(rows.len()), next: NextRead::OnCommit };
        for row in rows {
            if row.position != tail.settled + 1 && row.position > proven.saturating_add(1) {
                tail.next = NextRead::Soon;
                break;
            }
            tail.settled = row.position;
            tail.changes.extend(readable(row));
        }
        if tail.next == NextRead::Soon {
            if let (None, Some(to)) = (self.doubt(), newest) {
                let transactions = self.running().await?.next;
                self.set_doubt(Some(Doubt { to, transactions }));
            }
        } else if full {
            tail.next = NextRead::Now;
        }
        Ok(tail)
    }

    async fn between(&self, subject: Subject, after: i64, to: i64, limit: u64) -> Result<Vec<Logged>, Error> {
        let rows = Entity::find()
            .filter(Column::Position.gt(after))
            .filter(Column::Position.lte(to))
            .filter(Column::Subject.eq(number(subject)))
            .order_by_asc(Column::Position)
            .limit(limit)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(rows.into_iter().filter_map(readable).collect())
    }

    async fn range(&self) -> Result<Option<(i64, i64)>, Error> {
        let position = || Expr::col(Column::Position);
        let select = Query::select()
            .expr_as(Func::min(position()), "first")
            .expr_as(Func::max(position()), "last")
            .from(Entity)
            .to_owned();
        let row = self.store.reader().query_one(&select).await.map_err(db_error)?;
        let Some(row) = row else { return Ok(None) };
        let value = |name: &str| row.try_get::<Option<i64>>("", name).map_err(db_error);
        Ok(value("first")?.zip(value("last")?))
    }

    async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error> {
        let Some((_, last)) = self.range().await? else { return Ok(0) };
        let oldest: Vec<(i64, i64)> = Entity::find()
            .select_only()
            .column(Column::Position)
            .column(Column::Time)
            .filter(Column::Position.lt(last))
            .order_by_asc(Column::Position)
            .limit(limit + 1)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        // The last old entry stays: after the first entry the log is complete.
        let old = oldest.into_iter().take_while(|(_, time)| *time < before.0).last();
        let Some((to, _)) = old else { return Ok(0) };
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let delete = Entity::delete_many().filter(Column::Position.lt(to));
                    Ok(delete.exec(tx).await.map_err(db_error)?.rows_affected)
                })
            })
            .await
    }
}

/// The entry, unless this version cannot read it: one such must not stop every stream for ever.
fn readable(row: Model) -> Option<Logged> {
    let position = row.position;
    match Logged::try_from(row) {
        Ok(logged) => Some(logged),
        Err(error) => {
            tracing::error!(position, error = error.chain(), "an entry of the change log cannot be read");
            None
        }
    }
}

impl TryFrom<Model> for Logged {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let snapshot = |text: &str| match row.subject {
            INCIDENT => Ok(Snapshot::Incident(Box::new(Incident::try_from(json_of::<incident::Model>(text)?)?))),
            REPORT => Ok(Snapshot::Report(Box::new(Report::try_from(json_of::<report::Model>(text)?)?))),
            other => Err(Error::internal(format!("the change log has the unknown subject {other}"))),
        };
        Ok(Self {
            position: row.position,
            was: row.was.as_deref().map(snapshot).transpose()?,
            now: snapshot(&row.now)?,
        })
    }
}

fn number(subject: Subject) -> i16 {
    match subject {
        Subject::Incident => INCIDENT,
        Subject::Report => REPORT,
    }
}
