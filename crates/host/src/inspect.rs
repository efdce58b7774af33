//! What every service answers beside its own RPCs: how it is, and how its jobs are.

use kvartal_kernel::{Error, PageRequest, Timestamp, Uuid};
use kvartal_mesh::to_status;
use kvartal_proto::host::v1 as pb;
use kvartal_proto::host::v1::host_service_server::HostService;
use kvartal_proto::time;
use tonic::{Request, Response, Status};

use crate::health::{DependencyReport, Health, Report, State as Wellness};
use crate::jobs::{Jobs, Record, State};

/// Answers for one service.
pub(crate) struct HostGrpc {
    service: &'static str,
    jobs: Jobs,
    health: Health,
}

impl HostGrpc {
    pub(crate) fn new(service: &'static str, jobs: Jobs, health: Health) -> Self {
        Self { service, jobs, health }
    }

    async fn page(&self, request: pb::ListJobsRequest) -> Result<pb::ListJobsResponse, Error> {
        let state = match request.state() {
            pb::JobState::Waiting => State::Waiting,
            pb::JobState::Running => State::Running,
            pb::JobState::Done => State::Done,
            pb::JobState::Dead | pb::JobState::Unspecified => State::Dead,
        };
        let scope = format!("jobs of {} {state:?}", self.service);
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.jobs.list(state, page).await?;
        let next_page_token = page.next_token(&scope);
        Ok(pb::ListJobsResponse { jobs: page.items.into_iter().map(job).collect(), next_page_token })
    }
}

#[tonic::async_trait]
impl HostService for HostGrpc {
    async fn get_status(&self, _: Request<pb::GetStatusRequest>) -> Result<Response<pb::GetStatusResponse>, Status> {
        Ok(Response::new(status(self.service, self.health.report())))
    }

    async fn list_jobs(&self, request: Request<pb::ListJobsRequest>) -> Result<Response<pb::ListJobsResponse>, Status> {
        self.page(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn retry_job(&self, request: Request<pb::RetryJobRequest>) -> Result<Response<pb::RetryJobResponse>, Status> {
        let id = Uuid::parse_str(&request.into_inner().job_id);
        let id = id.map_err(|_| to_status(Error::invalid("job_id", "must be a UUID")))?;
        self.jobs.retry(id).await.map_err(to_status)?;
        Ok(Response::new(pb::RetryJobResponse {}))
    }
}

/// What of the process's report concerns this service: what is its own or everybody's.
fn status(service: &str, report: Report) -> pb::GetStatusResponse {
    let concerns =
        |dependency: &DependencyReport| dependency.name.split_once('/').is_none_or(|(owner, _)| owner == service);
    pb::GetStatusResponse {
        version: report.version.to_owned(),
        serving: report.services.iter().any(|known| known.name == service && known.state == Wellness::Up),
        dependencies: report.dependencies.into_iter().filter(concerns).map(dependency).collect(),
        failed_tasks: report.failed_tasks.iter().map(|task| (*task).to_owned()).collect(),
    }
}

fn dependency(report: DependencyReport) -> pb::Dependency {
    pb::Dependency {
        name: report.name,
        up: report.state == Wellness::Up,
        required: report.required,
        since_time: Timestamp::parse(&report.since).map(time::to_proto),
        last_error: report.last_error.unwrap_or_default(),
    }
}

fn job(record: Record) -> pb::Job {
    let state = match record.state {
        State::Waiting => pb::JobState::Waiting,
        State::Running => pb::JobState::Running,
        State::Done => pb::JobState::Done,
        State::Dead => pb::JobState::Dead,
    };
    pb::Job {
        job_id: record.id.to_string(),
        kind: record.kind,
        key: record.key.unwrap_or_default(),
        state: state.into(),
        attempt_count: record.attempt,
        max_attempts: record.max_attempts,
        due_time: Some(time::to_proto(record.due)),
        last_error: record.last_error,
        create_time: Some(time::to_proto(record.created)),
        update_time: Some(time::to_proto(record.updated)),
    }
}
