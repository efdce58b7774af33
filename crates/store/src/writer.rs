//! The SQLite writer: one task, which commits units in groups, because a commit costs a disk sync and a unit does not.

use std::sync::Arc;
use std::time::Instant;

use kvartal_kernel::Error;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Notify, mpsc, watch};

use crate::metrics::WriterMetrics;
use crate::unit::{Outcome, Unit};

/// Units that may wait; beyond that, callers wait to be let in.
pub(crate) const QUEUE: usize = 1024;
/// Units in one commit at most.
const GROUP: usize = 64;

/// Runs the units of a queue.
pub(crate) struct Writer {
    pub(crate) connection: DatabaseConnection,
    pub(crate) queue: mpsc::Receiver<Box<dyn Unit>>,
    pub(crate) stop: Arc<Notify>,
    pub(crate) committed: Arc<watch::Sender<u64>>,
    pub(crate) metrics: WriterMetrics,
}

impl Writer {
    /// Runs until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.next().await {
            self.group(first).await;
        }
    }

    async fn next(&mut self) -> Option<Box<dyn Unit>> {
        tokio::select! {
            unit = self.queue.recv() => return unit,
            () = self.stop.notified() => self.queue.close(),
        }
        self.queue.recv().await
    }

    async fn group(&mut self, mut first: Box<dyn Unit>) {
        let outer = match begin(&self.connection).await {
            Ok(outer) => outer,
            Err(error) => return first.answer(Err(not_kept(&error))),
        };
        // The first unit of a group needs no savepoint: when it fails, there is nothing else to keep.
        if first.run(&outer).await == Outcome::Discard {
            if let Err(error) = outer.rollback().await {
                tracing::warn!(error = %error, "rolling back failed; the connection is given up");
            }
            return first.answer(Ok(()));
        }
        let mut done = vec![first];
        let mut broken = None;
        while done.len() < GROUP
            && let Ok(mut unit) = self.queue.try_recv()
        {
            match nested(&outer, &mut *unit).await {
                Ok(true) => done.push(unit),
                Ok(false) => unit.answer(Ok(())),
                Err(error) => {
                    done.push(unit);
                    broken = Some(error);
                    break;
                }
            }
        }
        let began = Instant::now();
        let outcome = match broken {
            // A savepoint that cannot be set or left means that the transaction is gone, and everything in it.
            Some(error) => outer.rollback().await.and(Err(error)),
            None => outer.commit().await,
        };
        match outcome {
            Ok(()) => {
                self.metrics.group(done.len(), began.elapsed());
                self.committed.send_modify(|commits| *commits += 1);
                done.into_iter().for_each(|unit| unit.answer(Ok(())));
            }
            Err(error) => {
                tracing::error!(error = %error, units = done.len(), "a group of units could not be committed");
                done.into_iter().for_each(|unit| unit.answer(Err(not_kept(&error))));
            }
        }
    }
}

/// Takes the write lock at once: a transaction that begins by reading could not be upgraded beside another process.
pub(crate) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await
}

/// Runs a unit in a savepoint; true when it is to be committed with the group.
async fn nested(outer: &DatabaseTransaction, unit: &mut dyn Unit) -> Result<bool, DbErr> {
    let savepoint = outer.begin().await?;
    if unit.run(&savepoint).await == Outcome::Discard {
        savepoint.rollback().await?;
        return Ok(false);
    }
    savepoint.commit().await?;
    Ok(true)
}

/// Whatever the reason, the unit may be repeated: nothing of it is in the database.
fn not_kept(error: &DbErr) -> Error {
    Error::unavailable("DATABASE_UNAVAILABLE", "the database cannot write now").because(error.clone())
}
