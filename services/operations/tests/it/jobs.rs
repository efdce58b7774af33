//! Jobs that were given up, and given another chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, NewJob};
use kvartal_kernel::{Clock as _, Error, Kind, SystemClock, Uuid};
use kvartal_proto::host::v1::JobState;
use kvartal_proto::operations::v1 as pb;
use kvartal_testing::eventually;
use tonic::Code;

use crate::stage::{SOON, Stage};

/// Refuses its job until the world is mended.
#[derive(Default)]
struct Picky {
    mended: AtomicBool,
}

#[async_trait]
impl JobHandler for Picky {
    fn kind(&self) -> &'static str {
        "picky"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        if self.mended.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(Error::new(Kind::FailedPrecondition, "NOT_YET", "the world is not ready"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_job_is_listed_with_its_reason_and_runs_again_when_told() {
    let stage = Stage::start().await;
    let picky = Arc::new(Picky::default());
    let jobs = stage.runtime.jobs(&stage.store);
    jobs.clone().run(vec![picky.clone()]);
    let job = NewJob {
        kind: "picky".to_owned(),
        key: None,
        payload: serde_json::json!({ "address": "anna@city.example" }),
        run_at: SystemClock.now(),
        max_attempts: 3,
    };
    let add = stage.store.transaction(move |tx| Box::pin(async move { jobs.enqueue(tx, job).await }));
    let id = add.await.unwrap().to_string();

    let dead = only(&stage, JobState::Dead).await;
    assert_eq!((dead.job_id.as_str(), dead.kind.as_str(), dead.attempt_count), (id.as_str(), "picky", 1));
    assert!(dead.last_error.contains("the world is not ready"), "{}", dead.last_error);
    assert!(!format!("{dead:?}").contains("anna@"), "what a job works on may tell about people");

    picky.mended.store(true, Ordering::SeqCst);
    let again = pb::RetryJobRequest { service: "operations".into(), job_id: id.clone() };
    stage.client().retry_job(stage.request("admin", again.clone())).await.unwrap();
    assert_eq!(only(&stage, JobState::Done).await.job_id, id);
    let over = stage.client().retry_job(stage.request("admin", again)).await.unwrap_err();
    assert_eq!(over.code(), Code::NotFound, "it is dead no longer");
}

/// Waits for the one job in this state.
async fn only(stage: &Stage, state: JobState) -> kvartal_proto::host::v1::Job {
    eventually(SOON, || async move {
        let request = pb::ListJobsRequest { service: "operations".into(), state: state.into(), ..Default::default() };
        let mut jobs = stage.client().list_jobs(stage.request("admin", request)).await.unwrap().into_inner().jobs;
        if jobs.len() == 1 { Ok(jobs.remove(0)) } else { Err(jobs.len()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_answered_with_the_field() {
    let stage = Stage::start().await;
    let list = pb::ListJobsRequest { service: "operations".into(), state: JobState::Dead.into(), ..Default::default() };
    let unknown = pb::ListJobsRequest { service: "weather".into(), ..list.clone() };
    let refused = stage.client().list_jobs(stage.request("admin", unknown)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("service"), "{refused:?}");
    let stale = pb::ListJobsRequest { page_token: "%%%".into(), ..list.clone() };
    let refused = stage.client().list_jobs(stage.request("admin", stale)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let away = pb::ListJobsRequest { service: "incident".into(), ..list };
    let refused = stage.client().list_jobs(stage.request("admin", away)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "it does not run here");
    let nobody = pb::RetryJobRequest { service: "operations".into(), job_id: Uuid::new_v4().to_string() };
    let refused = stage.client().retry_job(stage.request("admin", nobody)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
