//! Workers that die in the middle of a job.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, NewJob, Pace, State};
use kvartal_host::{Config, Runtime};
use kvartal_kernel::{Error, Kind};
use kvartal_testing::{eventually, postgres};
use tokio::sync::mpsc;

use crate::jobs::{Desk, Flaky, job};
use crate::platform::{SOON, config, host, now};

const PACE: Pace = Pace { lease: Duration::from_millis(400), poll: Duration::from_millis(100) };

/// Says that it runs and never ends.
struct Hanging(mpsc::UnboundedSender<Job>);

#[async_trait]
impl JobHandler for Hanging {
    fn kind(&self) -> &'static str {
        "flaky"
    }

    async fn run(&self, job: &Job) -> Result<(), Error> {
        let _ = self.0.send(job.clone());
        std::future::pending().await
    }
}

/// Adds a job, begins it and dies: everything the process ran is gone at once, nothing is tidied up.
fn die_in_the_middle(config: Config, pace: Pace, new: NewJob) -> Job {
    std::thread::spawn(move || {
        let process = tokio::runtime::Runtime::new().unwrap();
        let job = process.block_on(async move {
            let runtime = Runtime::start(config).await.unwrap();
            let store = runtime.store("incident", Vec::new()).await.unwrap();
            let jobs = runtime.jobs(&store).pace(pace);
            let (began, mut begun) = mpsc::unbounded_channel();
            jobs.clone().run(vec![Arc::new(Hanging(began))]);
            crate::jobs::enqueue(&store, &jobs, new).await;
            begun.recv().await.unwrap()
        });
        process.shutdown_timeout(Duration::from_secs(5));
        job
    })
    .join()
    .unwrap()
}

async fn again_after_a_crash(first: Config, second: Config, pace: Pace) {
    let begun = die_in_the_middle(first, pace, job("flaky", 3));
    let runtime = Runtime::start(second).await.unwrap();
    let store = runtime.store("incident", Vec::new()).await.unwrap();
    let (handler, mut runs) = Flaky::new(0, Kind::Internal);
    runtime.jobs(&store).pace(pace).run(vec![handler]);
    let run = tokio::time::timeout(SOON, runs.recv()).await.unwrap().unwrap();
    assert_eq!((run.id, run.attempt, run.payload), (begun.id, 2, begun.payload));
    assert!(runtime.shutdown().await.clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_again_when_its_worker_died_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    // The lease would last half a minute; alone in its folder, the next process does not wait for it.
    let began = now();
    again_after_a_crash(config(&folder), config(&folder), Pace::default()).await;
    assert!(now().since(began) < Pace::default().lease);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_again_when_its_worker_died_on_postgresql() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = postgres().await;
    let with = |config: Config| Config { database_url: Some(server.url_for_schema("{service}")), ..config };
    again_after_a_crash(with(config(&one)), with(config(&two)), PACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_died_in_the_last_attempt_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let begun = die_in_the_middle(config(&folder), PACE, job("flaky", 1));
    let runtime = Runtime::start(config(&folder)).await.unwrap();
    let store = runtime.store("incident", Vec::new()).await.unwrap();
    let (handler, mut runs) = Flaky::new(0, Kind::Internal);
    let jobs = runtime.jobs(&store).pace(PACE);
    jobs.clone().run(vec![handler]);
    let page = kvartal_kernel::PageRequest { size: 10, after: None };
    let dead = eventually(SOON, || async { jobs.list(State::Dead, page).await.unwrap().items.pop() }).await;
    assert_eq!(dead.id, begun.id);
    assert!(dead.last_error.contains("JOB_LOST"), "{}", dead.last_error);
    assert!(runs.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_job_keeps_its_lease() {
    /// Takes three leases.
    struct Long(mpsc::UnboundedSender<u32>);

    #[async_trait]
    impl JobHandler for Long {
        fn kind(&self) -> &'static str {
            "long"
        }

        async fn run(&self, job: &Job) -> Result<(), Error> {
            tokio::time::sleep(PACE.lease * 3).await;
            let _ = self.0.send(job.attempt);
            Ok(())
        }
    }

    let desk = Desk::sqlite().await;
    let (ran, mut runs) = mpsc::unbounded_channel();
    desk.jobs.clone().pace(PACE).run(vec![Arc::new(Long(ran))]);
    let id = desk.enqueue(job("long", 5)).await;
    let done = eventually(SOON, || desk.record(id, State::Done)).await;
    assert_eq!(done.attempt, 1);
    assert_eq!(runs.recv().await, Some(1));
    assert!(runs.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_postgresql_share_the_work_and_do_each_job_once() {
    let server = postgres().await;
    let (ran, mut runs) = mpsc::unbounded_channel();
    let mut runtimes = Vec::new();
    for _ in 0..2 {
        let host = host(|config| config.database_url = Some(server.url_for_schema("{service}"))).await;
        let store = host.runtime.store("incident", Vec::new()).await.unwrap();
        runtimes.push((host, store));
    }
    for number in 0..120 {
        let (host, store) = &runtimes[number % 2];
        crate::jobs::enqueue(store, &host.runtime.jobs(store), job("flaky", 1)).await;
    }
    let mut workers = Vec::new();
    for (host, store) in &runtimes {
        let handler = Arc::new(Flaky { failures: 0, with: Kind::Internal, runs: Default::default(), ran: ran.clone() });
        host.runtime.jobs(store).pace(PACE).workers(4).run(vec![handler.clone()]);
        workers.push(handler);
    }
    let mut ids = std::collections::HashSet::new();
    for _ in 0..120 {
        let job = tokio::time::timeout(SOON, runs.recv()).await.unwrap().unwrap();
        assert!(ids.insert(job.id), "{job:?} ran twice");
    }
    for (host, _) in runtimes {
        assert!(host.runtime.shutdown().await.clean());
    }
    assert!(runs.try_recv().is_err());
    assert!(workers.iter().all(|worker| worker.runs.load(Ordering::SeqCst) > 0), "both worked");
}
