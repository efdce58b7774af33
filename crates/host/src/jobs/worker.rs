//! The loop that claims due jobs and runs them, a bounded number at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kvartal_kernel::{Error, Kind, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use super::metrics::Metrics;
use super::queue::{self, End, Lease};
use super::row::job::Model;
use super::{Job, JobHandler, Jobs};

/// Several commits in a row cause one look into the table.
const SETTLE: Duration = Duration::from_millis(10);
/// After another process was faster, or the database failed.
const STEP_BACK: Duration = Duration::from_millis(200);
const COUNT_EVERY: Duration = Duration::from_secs(15);

pub(super) struct Worker {
    jobs: Jobs,
    handlers: Vec<Arc<dyn JobHandler>>,
    kinds: Vec<&'static str>,
    metrics: Metrics,
}

impl Worker {
    pub(super) fn new(jobs: Jobs, handlers: Vec<Arc<dyn JobHandler>>) -> Arc<Self> {
        let kinds = handlers.iter().map(|handler| handler.kind()).collect();
        let metrics = Metrics::new(jobs.service);
        Arc::new(Self { jobs, handlers, kinds, metrics })
    }

    /// Runs until the process stops, then waits for the jobs that run.
    pub(super) async fn run(self: Arc<Self>) {
        let mut committed = self.jobs.store.committed();
        let mut running = JoinSet::new();
        let mut counted = None::<Instant>;
        let mut scheduled = Timestamp::MIN;
        let mut healthy = true;
        let stop = self.jobs.stop.clone();
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            committed.mark_unchanged();
            let look = async {
                if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
                    counted = Some(Instant::now());
                    let now = self.jobs.clock.now();
                    let counts = queue::counts(self.jobs.store.reader(), now).await?;
                    self.metrics.counted(&self.kinds, &counts, now);
                    self.metrics.workers(self.jobs.workers);
                }
                // A due time only ever moves on, and only when it has come: until then nobody has to look at it.
                if scheduled <= self.jobs.clock.now() {
                    scheduled = self.fire_schedules().await?;
                }
                self.look(&mut running, scheduled).await
            };
            let wait = match look.await {
                Ok(wait) => {
                    healthy = true;
                    wait
                }
                Err(error) => {
                    if healthy {
                        tracing::warn!(error = error.chain(), "jobs cannot be read");
                    }
                    healthy = false;
                    self.jobs.pace.poll
                }
            };
            let full = running.len() >= self.jobs.workers;
            tokio::select! {
                () = stop.cancelled() => break,
                _ = running.join_next(), if !running.is_empty() => {}
                Ok(()) = committed.changed(), if !full && healthy => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(wait), if !full => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Starts what is due; returns how long nothing will be. `next` is the next due time of a schedule.
    async fn look(self: &Arc<Self>, running: &mut JoinSet<()>, mut next: Timestamp) -> Result<Duration, Error> {
        loop {
            let free = self.jobs.workers.saturating_sub(running.len());
            if free == 0 {
                return Ok(self.jobs.pace.poll);
            }
            let Some(due) = queue::next_due(self.jobs.store.reader(), &self.kinds).await? else { break };
            if due > self.jobs.clock.now() {
                next = next.min(due);
                break;
            }
            let claimed = self.claim(free).await?;
            if claimed.is_empty() {
                return Ok(STEP_BACK);
            }
            for job in claimed {
                running.spawn(self.clone().attempt(job));
            }
        }
        Ok(next.since(self.jobs.clock.now()).max(Duration::from_millis(1)).min(self.jobs.pace.poll))
    }

    /// Adds the jobs of schedules that are due; returns when the next one is.
    async fn fire_schedules(&self) -> Result<Timestamp, Error> {
        let now = self.jobs.clock.now();
        let mut next = Timestamp::MAX;
        for schedule in &self.jobs.schedules {
            let mut due = schedule.due(self.jobs.store.reader()).await?;
            if due <= now {
                let schedule = schedule.clone();
                due = self
                    .jobs
                    .store
                    .transaction(move |tx| Box::pin(async move { schedule.fire(tx, now).await }))
                    .await?;
            }
            next = next.min(due);
        }
        Ok(next)
    }

    async fn claim(&self, free: usize) -> Result<Vec<Model>, Error> {
        let kinds = self.kinds.clone();
        let count = u64::try_from(free).unwrap_or(1);
        let (now, lease) = (self.jobs.clock.now(), self.jobs.pace.lease);
        self.jobs
            .store
            .transaction(move |tx| Box::pin(async move { queue::claim(tx, &kinds, count, now, lease).await }))
            .await
    }

    /// One attempt, from the claim to what is written down about it.
    async fn attempt(self: Arc<Self>, row: Model) {
        let Some(handler) = self.handlers.iter().find(|handler| handler.kind() == row.kind).cloned() else { return };
        let lease = Lease { id: row.id, attempt: row.attempt };
        let span = info_span!(
            "job",
            otel.name = format!("job {}", row.kind),
            otel.kind = "consumer",
            otel.status_code = tracing::field::Empty,
            kvartal.service = self.jobs.service,
            job.id = %row.id,
            job.attempt = row.attempt,
        );
        kvartal_trace::consume(&span, &row.traceparent);
        let began = Instant::now();
        async {
            // The row was claimed once more than it may be tried: its last worker never came back.
            let result = if row.attempt > row.max_attempts {
                Err(Error::new(
                    Kind::FailedPrecondition,
                    "JOB_LOST",
                    "its worker did not come back from the last attempt",
                ))
            } else {
                let Some(result) = self.perform(&*handler, &row, lease).await else {
                    self.metrics.attempted(handler.kind(), "lost", began.elapsed().as_secs_f64());
                    return;
                };
                result
            };
            let end = self.judge(&*handler, &row, result);
            let outcome = match &end {
                End::Done => "done",
                End::Again { .. } => "failed",
                End::Dead { .. } => "dead",
            };
            if !matches!(end, End::Done) {
                tracing::Span::current().record("otel.status_code", "ERROR");
            }
            self.metrics.attempted(handler.kind(), outcome, began.elapsed().as_secs_f64());
            self.write_down(lease, end).await;
        }
        .instrument(span)
        .await;
    }

    /// Runs the handler while the lease is kept; `None` when the lease was lost, so that another worker has the job.
    async fn perform(&self, handler: &dyn JobHandler, row: &Model, lease: Lease) -> Option<Result<(), Error>> {
        let payload = match serde_json::from_str(&row.payload) {
            Ok(payload) => payload,
            Err(error) => return Some(Err(Error::invalid("payload", "is no JSON").because(error))),
        };
        let job = Job {
            id: row.id,
            kind: row.kind.clone(),
            key: row.dedup.clone(),
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            max_attempts: u32::try_from(row.max_attempts).unwrap_or(1),
            payload,
        };
        let run = AssertUnwindSafe(tokio::time::timeout(handler.timeout(), handler.run(&job))).catch_unwind();
        tokio::select! {
            result = run => Some(match result {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Error::new(Kind::DeadlineExceeded, "JOB_TIMEOUT", "the attempt took too long")),
                Err(_) => Err(Error::internal("the handler panicked")),
            }),
            () = self.keep(lease) => None,
        }
    }

    /// Prolongs the lease in time; returns when it is lost.
    async fn keep(&self, lease: Lease) {
        let pace = self.jobs.pace;
        loop {
            tokio::time::sleep(pace.lease / 3).await;
            let now = self.jobs.clock.now();
            let renew = self
                .jobs
                .store
                .transaction(move |tx| Box::pin(async move { queue::renew(tx, lease, now, pace.lease).await }));
            match renew.await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(job.id = %lease.id, "another worker took the job over");
                    return;
                }
                Err(error) => tracing::warn!(job.id = %lease.id, error = error.chain(), "a lease was not prolonged"),
            }
        }
    }

    fn judge(&self, handler: &dyn JobHandler, row: &Model, result: Result<(), Error>) -> End {
        let Err(error) = result else { return End::Done };
        let hopeless = matches!(error.kind(), Kind::InvalidArgument | Kind::FailedPrecondition);
        let text = error.chain();
        if hopeless || row.attempt >= row.max_attempts {
            tracing::error!(job.kind = row.kind, job.id = %row.id, job.attempt = row.attempt, error = text, "a job was given up");
            return End::Dead { error: text };
        }
        let backoff = handler.backoff(u32::try_from(row.attempt).unwrap_or(1));
        // Chance keeps jobs that failed together from coming back together.
        let backoff = backoff.mul_f64(1.0 + 0.2 * rand::random::<f64>());
        let wait = error.retry_delay().map_or(backoff, |asked| backoff.max(asked));
        tracing::warn!(job.kind = row.kind, job.id = %row.id, job.attempt = row.attempt, error = text, again_in = ?wait, "a job failed");
        End::Again { at: self.jobs.clock.now().plus(wait), error: text }
    }

    /// When this fails, the lease runs out and the job runs again.
    async fn write_down(&self, lease: Lease, end: End) {
        let now = self.jobs.clock.now();
        let ended =
            self.jobs.store.transaction(move |tx| Box::pin(async move { queue::end(tx, lease, end, now).await }));
        match ended.await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(job.id = %lease.id, "another worker took the job over"),
            Err(error) => tracing::warn!(job.id = %lease.id, error = error.chain(), "the end of a job was not written"),
        }
    }
}
