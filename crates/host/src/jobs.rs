//! Durable background work in a service's own database: retried with backoff, leased while it runs, on a schedule if wished.
//!
//! A job is written in the transaction of the change that asks for it, so it exists exactly when the change does. It
//! runs at least once: a worker that dies loses its lease and the job runs again, so handlers must bear repetition.

mod metrics;
mod migrations;
mod queue;
mod row;
mod schedule;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Page, PageRequest, Timestamp, Uuid};
use kvartal_store::Store;
use sea_orm::DatabaseTransaction;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use migrations::migrations;
pub use schedule::Schedule;

use crate::tasks::{Phase, Tasks};

/// Work to be done later.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Which handler does it.
    pub kind: String,
    /// While a job of this kind and key has not ended, adding another changes nothing.
    pub key: Option<String>,
    /// What the handler needs to know. Kept in the database until the job is done; never logged.
    pub payload: Value,
    /// Not before this moment.
    pub run_at: Timestamp,
    /// It is given up after so many attempts, at least 1.
    pub max_attempts: u32,
}

/// A job that runs.
#[derive(Clone)]
pub struct Job {
    /// The job; stays the same over all attempts.
    pub id: Uuid,
    /// Which handler does it.
    pub kind: String,
    /// See [`NewJob::key`].
    pub key: Option<String>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// It is given up after so many.
    pub max_attempts: u32,
    /// What was given when it was added.
    pub payload: Value,
}

impl fmt::Debug for Job {
    /// Without the payload, which may tell about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (attempt {} of {})", self.kind, self.id, self.attempt, self.max_attempts)
    }
}

/// Does the jobs of one kind.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// The kind it does.
    fn kind(&self) -> &'static str;

    /// Does the job. `InvalidArgument` and `FailedPrecondition` end it at once, any other error has it tried again;
    /// the error's `retry_after` is respected.
    async fn run(&self, job: &Job) -> Result<(), Error>;

    /// How long one attempt may take.
    fn timeout(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// How long to wait after an attempt (1, 2, …) failed; a little chance is added.
    fn backoff(&self, attempt: u32) -> Duration {
        exponential(Duration::from_secs(1), Duration::from_secs(900), attempt)
    }
}

/// `first`, doubled with every further attempt, at most `most`.
pub fn exponential(first: Duration, most: Duration, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(30);
    first.saturating_mul(1 << doublings).min(most)
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Waits for its time.
    Waiting,
    /// A worker holds it.
    Running,
    /// Ended well; kept for a day.
    Done,
    /// Given up; kept for 30 days.
    Dead,
}

/// A job as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The job.
    pub id: Uuid,
    /// Which handler does it.
    pub kind: String,
    /// See [`NewJob::key`]; none once it has ended.
    pub key: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Attempts begun.
    pub attempt: u32,
    /// It is given up after so many.
    pub max_attempts: u32,
    /// When it runs next; while it runs, when its lease ends.
    pub due: Timestamp,
    /// What the last attempt failed with; empty without failure.
    pub last_error: String,
    /// When it was added.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
}

/// How fast the machinery moves; the defaults suit everything but tests.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A worker that has not been heard of for so long is taken for dead.
    pub lease: Duration,
    /// Other processes' jobs are noticed within this time.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), poll: Duration::from_secs(5) }
    }
}

/// The jobs of one service. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    service: &'static str,
    store: Store,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    stop: CancellationToken,
    workers: usize,
    pace: Pace,
    schedules: Vec<Schedule>,
}

impl Jobs {
    pub(crate) fn new(
        service: &'static str,
        store: Store,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
        stop: CancellationToken,
        workers: usize,
    ) -> Self {
        Self { service, store, clock, tasks, stop, workers, pace: Pace::default(), schedules: Vec::new() }
    }

    /// With another pace.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// With this many workers, at least 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// With something to be done again and again.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// Adds a job in the transaction of the change that asks for it; returns its id, or that of the unfinished one
    /// with the same kind and key.
    pub async fn enqueue(&self, tx: &DatabaseTransaction, job: NewJob) -> Result<Uuid, Error> {
        queue::insert(tx, job, self.clock.now()).await
    }

    /// Takes back a job that waits; false when there is none or it runs already.
    pub async fn cancel(&self, tx: &DatabaseTransaction, kind: &str, key: &str) -> Result<bool, Error> {
        queue::cancel(tx, kind, key).await
    }

    /// Starts the workers; they stop when the process does. Kinds without a handler here are left to other processes.
    pub fn run(self, mut handlers: Vec<Arc<dyn JobHandler>>) {
        for schedule in &self.schedules {
            if !handlers.iter().any(|known| known.kind() == schedule.handler.kind()) {
                handlers.push(schedule.handler.clone());
            }
        }
        let tasks = self.tasks.clone();
        tasks.spawn("jobs", Phase::Background, worker::Worker::new(self, handlers).run());
    }

    /// Jobs in this state, the last added first.
    pub async fn list(&self, state: State, page: PageRequest) -> Result<Page<Record>, Error> {
        queue::list(self.store.reader(), state, page).await
    }

    /// Gives a dead job all its attempts again, at once.
    pub async fn retry(&self, id: Uuid) -> Result<(), Error> {
        let now = self.clock.now();
        self.store.transaction(move |tx| Box::pin(queue::revive(tx, id, now))).await
    }

    /// Lets every running job run again at once. Only for a database that no other process uses, before workers start.
    pub(crate) async fn release_all(&self) -> Result<(), Error> {
        let now = self.clock.now();
        self.store.transaction(move |tx| Box::pin(queue::release_all(tx, now))).await
    }

    /// Deletes a bounded number of jobs that ended long ago; returns how many.
    pub(crate) async fn prune(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        self.store.transaction(move |tx| Box::pin(queue::prune(tx, now))).await
    }
}
