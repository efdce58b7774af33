//! Schedules: one run for each due time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_host::{Config, Runtime};
use kvartal_kernel::{Error, ManualClock, Timestamp};
use kvartal_testing::postgres;
use tokio::sync::mpsc;

use crate::platform::{SOON, config, now};

struct Tick(mpsc::UnboundedSender<String>);

#[async_trait]
impl JobHandler for Tick {
    fn kind(&self) -> &'static str {
        "tick"
    }

    async fn run(&self, job: &Job) -> Result<(), Error> {
        let _ = self.0.send(job.payload["due"].as_str().unwrap_or_default().to_owned());
        Ok(())
    }
}

async fn two_workers(one: Config, two: Config) -> Vec<String> {
    let (ticked, mut ticks) = mpsc::unbounded_channel();
    let mut runtimes = Vec::new();
    for config in [one, two] {
        let runtime = Runtime::start(config).await.unwrap();
        let store = runtime.store("incident", Vec::new()).await.unwrap();
        let schedule = Schedule::new("every second", "* * * * * *", Arc::new(Tick(ticked.clone()))).unwrap();
        runtime.jobs(&store).schedule(schedule).run(Vec::new());
        runtimes.push(runtime);
    }
    let mut dues = Vec::new();
    while dues.len() < 4 {
        dues.push(tokio::time::timeout(SOON, ticks.recv()).await.unwrap().unwrap());
    }
    for runtime in runtimes {
        assert!(runtime.shutdown().await.clean());
    }
    while let Ok(due) = ticks.try_recv() {
        dues.push(due);
    }
    dues
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_on_one_postgresql_run_each_due_time_once() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = postgres().await;
    let with = |config: Config| Config { database_url: Some(server.url_for_schema("{service}")), ..config };
    let dues = two_workers(with(config(&one)), with(config(&two))).await;
    let mut counts = HashMap::new();
    for due in &dues {
        *counts.entry(due.as_str()).or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "{dues:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_times_missed_while_nothing_ran_are_made_up_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Timestamp::parse("2026-11-20T09:30:00Z").unwrap();
    let hour = Duration::from_secs(3600);
    let (ticked, mut ticks) = mpsc::unbounded_channel();
    for visit in 0..2_u32 {
        let clock = Arc::new(ManualClock::at(begin.plus(visit * 5 * hour)));
        let runtime = Runtime::start_with_clock(config(&folder), clock).await.unwrap();
        let store = runtime.store("incident", Vec::new()).await.unwrap();
        let schedule = Schedule::new("hourly", "0 * * * *", Arc::new(Tick(ticked.clone()))).unwrap();
        let known = schedule.clone();
        runtime.jobs(&store).schedule(known).run(Vec::new());
        if visit == 1 {
            let due = tokio::time::timeout(SOON, ticks.recv()).await.unwrap().unwrap();
            assert_eq!(due, "2026-11-20T10:00:00Z");
        } else {
            // The first visit only learns of the schedule: nothing is due yet.
            let began = now();
            while now().since(began) < Duration::from_millis(300) {
                assert!(ticks.try_recv().is_err());
                tokio::task::yield_now().await;
            }
        }
        assert!(runtime.shutdown().await.clean());
    }
    assert!(ticks.try_recv().is_err());
}
