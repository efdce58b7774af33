//! A unit of work on its way to the database, with whoever waits for its result.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::BoxFuture;
use kvartal_kernel::{Error, Kind};
use sea_orm::DatabaseTransaction;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use crate::UNIT_LIMIT;

tokio::task_local! {
    /// The store whose unit runs in this task.
    static HOME: usize;
    /// Whether a statement of the unit failed.
    static FAILED: Cell<bool>;
}

/// Whether this task runs a unit of the store.
pub(crate) fn running_in(home: usize) -> bool {
    HOME.try_with(|running| *running == home).unwrap_or(false)
}

/// Called for every failed statement.
pub(crate) fn statement_failed() {
    let _ = FAILED.try_with(|failed| failed.set(true));
}

/// A unit of work whose types are known to its caller only.
pub(crate) trait Unit: Send {
    /// Runs it within `tx`, and keeps its result.
    fn run<'u>(&'u mut self, tx: &'u DatabaseTransaction) -> BoxFuture<'u, Outcome>;
    /// Tells the caller; `outcome` is an error when the database could not keep what the unit did.
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

/// What became of a unit within its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It wants to be committed.
    Keep,
    /// It wants to be committed although one of its statements failed.
    KeepDoubtful,
    /// It failed.
    Discard,
}

/// Wraps a unit for the way.
pub(crate) fn job<T, F>(home: usize, work: F) -> (Box<dyn Unit>, oneshot::Receiver<Result<T, Error>>)
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Job { home, span: Span::current(), work: Some(work), result: None, reply }), answer)
}

struct Job<T, F> {
    home: usize,
    span: Span,
    work: Option<F>,
    result: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Unit for Job<T, F>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
{
    fn run<'u>(&'u mut self, tx: &'u DatabaseTransaction) -> BoxFuture<'u, Outcome> {
        let Some(work) = self.work.take() else {
            return futures::future::ready(Outcome::Discard).boxed();
        };
        let guarded = async move {
            // The call is inside, because making the future can panic too.
            let caught = AssertUnwindSafe(async move { work(tx).await }).catch_unwind();
            let result = match tokio::time::timeout(UNIT_LIMIT, caught).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Error::internal("a unit of work panicked")),
                Err(_) => Err(Error::new(Kind::DeadlineExceeded, "TRANSACTION_TIMEOUT", "the change took too long")),
            };
            (result, FAILED.with(Cell::get))
        };
        let scoped = HOME.scope(self.home, FAILED.scope(Cell::new(false), guarded)).instrument(self.span.clone());
        async move {
            let (result, failed) = scoped.await;
            let outcome = match (&result, failed) {
                (Ok(_), false) => Outcome::Keep,
                (Ok(_), true) => Outcome::KeepDoubtful,
                (Err(_), _) => Outcome::Discard,
            };
            self.result = Some(result);
            outcome
        }
        .boxed()
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let result = match (outcome, self.result) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(Error::internal("a unit of work did not run")),
        };
        // Nobody waits any more: that is the caller's affair.
        let _ = self.reply.send(result);
    }
}
