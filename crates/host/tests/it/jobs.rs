//! Jobs on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kvartal_host::Runtime;
use kvartal_host::jobs::{Job, JobHandler, Jobs, NewJob, Record, State};
use kvartal_kernel::{Error, Kind, PageRequest, Uuid};
use kvartal_store::Store;
use kvartal_testing::{Postgres, eventually, postgres};
use serde_json::json;
use tokio::sync::mpsc;

use crate::platform::{Host, SOON, host, now};

/// A service's jobs on one of the databases.
pub(crate) struct Desk {
    pub(crate) host: Host,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    _postgres: Option<Postgres>,
}

impl Desk {
    pub(crate) async fn sqlite() -> Self {
        Self::open(None).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::open(Some(postgres().await)).await
    }

    async fn open(postgres: Option<Postgres>) -> Self {
        let url = postgres.as_ref().map(|postgres| postgres.url_for_schema("{service}"));
        let host = host(|config| config.database_url = url).await;
        let store = host.runtime.store("incident", Vec::new()).await.unwrap();
        let jobs = host.runtime.jobs(&store);
        Self { host, store, jobs, _postgres: postgres }
    }

    pub(crate) async fn enqueue(&self, job: NewJob) -> Uuid {
        enqueue(&self.store, &self.jobs, job).await
    }

    pub(crate) async fn record(&self, id: Uuid, state: State) -> Option<Record> {
        let page = PageRequest { size: 200, after: None };
        self.jobs.list(state, page).await.unwrap().items.into_iter().find(|record| record.id == id)
    }
}

pub(crate) async fn enqueue(store: &Store, jobs: &Jobs, job: NewJob) -> Uuid {
    let jobs = jobs.clone();
    store.transaction(move |tx| Box::pin(async move { jobs.enqueue(tx, job).await })).await.unwrap()
}

pub(crate) fn job(kind: &str, max_attempts: u32) -> NewJob {
    NewJob { kind: kind.to_owned(), key: None, payload: json!({ "n": 7 }), run_at: now(), max_attempts }
}

/// Reports every run and fails the first `failures` of them.
pub(crate) struct Flaky {
    pub(crate) failures: u32,
    pub(crate) with: Kind,
    pub(crate) runs: AtomicU32,
    pub(crate) ran: mpsc::UnboundedSender<Job>,
}

impl Flaky {
    pub(crate) fn new(failures: u32, with: Kind) -> (Arc<Self>, mpsc::UnboundedReceiver<Job>) {
        let (ran, runs) = mpsc::unbounded_channel();
        (Arc::new(Self { failures, with, runs: AtomicU32::new(0), ran }), runs)
    }
}

#[async_trait]
impl JobHandler for Flaky {
    fn kind(&self) -> &'static str {
        "flaky"
    }

    async fn run(&self, job: &Job) -> Result<(), Error> {
        let _ = self.ran.send(job.clone());
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        if run < self.failures { Err(Error::new(self.with, "TEST", format!("failure {run}"))) } else { Ok(()) }
    }

    fn backoff(&self, attempt: u32) -> Duration {
        kvartal_host::jobs::exponential(Duration::from_millis(20), Duration::from_secs(1), attempt)
    }
}

async fn failures_are_retried_with_backoff(desk: Desk) {
    let (handler, mut runs) = Flaky::new(3, Kind::Unavailable);
    desk.jobs.clone().run(vec![handler]);
    let began = now();
    let id = desk.enqueue(job("flaky", 5)).await;
    for attempt in 1..=4 {
        let run = tokio::time::timeout(SOON, runs.recv()).await.unwrap().unwrap();
        assert_eq!((run.id, run.attempt, run.max_attempts), (id, attempt, 5));
        assert_eq!(run.payload, json!({ "n": 7 }));
    }
    // 20, 40 and 80 ms at least.
    assert!(now().since(began) >= Duration::from_millis(140));
    let done = eventually(SOON, || desk.record(id, State::Done)).await;
    assert_eq!(done.attempt, 4);
    assert!(done.last_error.contains("failure 2"), "{}", done.last_error);
}

async fn a_job_is_dead_after_its_last_attempt_and_can_be_revived(desk: Desk) {
    let (handler, mut runs) = Flaky::new(2, Kind::Internal);
    desk.jobs.clone().run(vec![handler]);
    let id = desk.enqueue(NewJob { key: Some("k".to_owned()), ..job("flaky", 2) }).await;
    let dead = eventually(SOON, || desk.record(id, State::Dead)).await;
    assert_eq!((dead.attempt, dead.key), (2, None));
    desk.jobs.retry(id).await.unwrap();
    let done = eventually(SOON, || desk.record(id, State::Done)).await;
    assert_eq!(done.attempt, 1);
    assert_eq!(desk.jobs.retry(id).await.unwrap_err().kind(), Kind::NotFound);
    let mut count = 0;
    while runs.try_recv().is_ok() {
        count += 1;
    }
    assert_eq!(count, 3);
}

async fn what_cannot_succeed_is_not_repeated(desk: Desk) {
    let (handler, mut runs) = Flaky::new(9, Kind::FailedPrecondition);
    desk.jobs.clone().run(vec![handler]);
    let id = desk.enqueue(job("flaky", 9)).await;
    let dead = eventually(SOON, || desk.record(id, State::Dead)).await;
    assert_eq!(dead.attempt, 1);
    assert!(runs.recv().await.is_some() && runs.try_recv().is_err());
}

async fn a_key_stands_for_one_unfinished_job(desk: Desk) {
    let keyed = || NewJob { key: Some("incident 1".to_owned()), ..job("flaky", 1) };
    let first = desk.enqueue(keyed()).await;
    assert_eq!(desk.enqueue(keyed()).await, first);
    let other = desk.enqueue(NewJob { key: Some("incident 2".to_owned()), ..job("flaky", 1) }).await;
    assert_ne!(other, first);
    let (handler, mut runs) = Flaky::new(0, Kind::Internal);
    desk.jobs.clone().run(vec![handler]);
    eventually(SOON, || desk.record(first, State::Done)).await;
    eventually(SOON, || desk.record(other, State::Done)).await;
    // It has ended, so the key is free.
    let second = desk.enqueue(keyed()).await;
    assert_ne!(second, first);
    eventually(SOON, || desk.record(second, State::Done)).await;
    let mut count = 0;
    while runs.try_recv().is_ok() {
        count += 1;
    }
    assert_eq!(count, 3);
}

async fn a_waiting_job_can_be_taken_back(desk: Desk) {
    let later = now().plus(Duration::from_secs(3600));
    let id = desk.enqueue(NewJob { key: Some("k".to_owned()), run_at: later, ..job("flaky", 1) }).await;
    let cancel = || {
        let jobs = desk.jobs.clone();
        desk.store.transaction(move |tx| Box::pin(async move { jobs.cancel(tx, "flaky", "k").await }))
    };
    assert!(cancel().await.unwrap());
    assert!(!cancel().await.unwrap());
    assert_eq!(desk.record(id, State::Waiting).await, None);
}

async fn a_job_of_a_change_that_failed_does_not_exist(desk: Desk) {
    let jobs = desk.jobs.clone();
    let failed: Result<(), Error> = desk
        .store
        .transaction(move |tx| {
            Box::pin(async move {
                jobs.enqueue(tx, job("flaky", 1)).await?;
                Err(Error::conflict())
            })
        })
        .await;
    assert!(failed.is_err());
    assert!(desk.jobs.list(State::Waiting, PageRequest { size: 10, after: None }).await.unwrap().items.is_empty());
}

async fn future_jobs_wait_and_the_number_at_once_is_bounded(desk: Desk) {
    let slow = Arc::new(Slow::default());
    desk.jobs.clone().workers(2).run(vec![slow.clone()]);
    for _ in 0..8 {
        desk.enqueue(job("slow", 1)).await;
    }
    let due = now().plus(Duration::from_millis(300));
    let later = desk.enqueue(NewJob { run_at: due, ..job("slow", 1) }).await;
    eventually(SOON, || desk.record(later, State::Done)).await;
    assert!(now() >= due);
    eventually(SOON, || async {
        desk.jobs.list(State::Done, PageRequest { size: 50, after: None }).await.unwrap().items.len() == 9
    })
    .await;
    assert_eq!(slow.most.load(Ordering::SeqCst), 2);
}

/// Counts how many of it run at once.
#[derive(Default)]
struct Slow {
    now: AtomicU32,
    most: AtomicU32,
}

#[async_trait]
impl JobHandler for Slow {
    fn kind(&self) -> &'static str {
        "slow"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Panics, then takes too long, then is done.
struct Unruly(AtomicU32);

#[async_trait]
impl JobHandler for Unruly {
    fn kind(&self) -> &'static str {
        "unruly"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("on purpose"),
            1 => std::future::pending().await,
            _ => Ok(()),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn backoff(&self, _: u32) -> Duration {
        Duration::from_millis(10)
    }
}

async fn panics_and_endless_attempts_are_failures_like_others(desk: Desk) {
    desk.jobs.clone().run(vec![Arc::new(Unruly(AtomicU32::new(0)))]);
    let id = desk.enqueue(job("unruly", 3)).await;
    let done = eventually(SOON, || desk.record(id, State::Done)).await;
    assert_eq!(done.attempt, 3);
    assert!(done.last_error.contains("JOB_TIMEOUT"), "{}", done.last_error);
    assert!(desk.host.runtime.shutdown().await.clean());
}

macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Desk::sqlite().await).await;
            })*
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Desk::postgres().await).await;
            })*
        }
    };
}

on_both!(
    failures_are_retried_with_backoff,
    a_job_is_dead_after_its_last_attempt_and_can_be_revived,
    what_cannot_succeed_is_not_repeated,
    a_key_stands_for_one_unfinished_job,
    a_waiting_job_can_be_taken_back,
    a_job_of_a_change_that_failed_does_not_exist,
    future_jobs_wait_and_the_number_at_once_is_bounded,
    panics_and_endless_attempts_are_failures_like_others,
);

/// Tells which trace it runs in.
struct Traced(mpsc::UnboundedSender<Option<String>>);

#[async_trait]
impl JobHandler for Traced {
    fn kind(&self) -> &'static str {
        "traced"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        let _ = self.0.send(kvartal_trace::trace_id());
        Ok(())
    }
}

#[tokio::test]
async fn a_job_belongs_to_the_trace_that_asked_for_it() {
    let desk = Desk::sqlite().await;
    let (sender, mut traces) = mpsc::unbounded_channel();
    desk.jobs.clone().run(vec![Arc::new(Traced(sender))]);
    let span = tracing::info_span!("call");
    let asked = span.in_scope(kvartal_trace::trace_id);
    assert!(asked.is_some());
    tracing::Instrument::instrument(desk.enqueue(job("traced", 1)), span).await;
    assert_eq!(tokio::time::timeout(SOON, traces.recv()).await.unwrap().unwrap(), asked);
}

#[tokio::test]
async fn what_jobs_do_is_measured() {
    let desk = Desk::sqlite().await;
    let (handler, _runs) = Flaky::new(1, Kind::InvalidArgument);
    desk.jobs.clone().run(vec![handler]);
    desk.enqueue(job("flaky", 1)).await;
    let metrics = |runtime: &Runtime| runtime.metrics();
    eventually(SOON, || async {
        let text = metrics(&desk.host.runtime);
        text.contains("kvartal_jobs_attempts_total{kind=\"flaky\",outcome=\"dead\",service=\"incident\"")
            && text.contains("kvartal_jobs_dead{kind=\"flaky\",service=\"incident\"")
            && text.contains("kvartal_jobs_duration_seconds_bucket")
    })
    .await;
}
