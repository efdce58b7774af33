//! Operations over gRPC: find the service that is meant, ask it, answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kvartal_events::{Bus, DeadLetter};
use kvartal_kernel::Error;
use kvartal_mesh::{Channel, Directory, EndpointState, EndpointView, from_status, to_status};
use kvartal_proto::host::v1 as host;
use kvartal_proto::host::v1::host_service_client::HostServiceClient;
use kvartal_proto::operations::v1 as pb;
use kvartal_proto::operations::v1::operations_service_server::OperationsService;
use kvartal_proto::{contract, time};
use tonic::{Request, Response, Status};

use crate::NAME;

/// The gRPC service.
pub(crate) struct OperationsGrpc {
    directory: Directory,
    bus: Arc<dyn Bus>,
    /// By domain: every service of the contract.
    services: BTreeMap<&'static str, HostServiceClient<Channel>>,
}

impl OperationsGrpc {
    /// Knows the way to every service of the contract, whether or not it runs.
    pub(crate) fn new(directory: &Directory, bus: Arc<dyn Bus>) -> Result<Self, Error> {
        let client = |domain| Ok((domain, HostServiceClient::new(directory.channel(domain, NAME)?)));
        let services = contract().domains().map(client).collect::<Result<_, Error>>()?;
        Ok(Self { directory: directory.clone(), bus, services })
    }

    fn of(&self, service: &str) -> Result<HostServiceClient<Channel>, Error> {
        self.services.get(service).cloned().ok_or_else(|| self.unknown())
    }

    /// A service with a queue of its own.
    fn consumer<'a>(&self, service: &'a str) -> Result<&'a str, Error> {
        if !self.services.contains_key(service) {
            return Err(self.unknown());
        }
        if contract().consumed_by(service).is_empty() {
            return Err(Error::invalid("service", "consumes no events, so it has no dead letters"));
        }
        Ok(service)
    }

    fn unknown(&self) -> Error {
        let names: Vec<_> = self.services.keys().copied().collect();
        Error::invalid("service", format!("must be one of: {}", names.join(", ")))
    }

    async fn report(&self, service: &str, mut client: HostServiceClient<Channel>) -> pb::ServiceReport {
        let answer = client.get_status(host::GetStatusRequest {}).await;
        let problem = answer.as_ref().err().map(|status| status.message().to_owned()).unwrap_or_default();
        pb::ServiceReport {
            service: service.to_owned(),
            status: answer.ok().map(Response::into_inner),
            problem,
            endpoints: Vec::new(),
            consumes_events: !contract().consumed_by(service).is_empty(),
        }
    }
}

#[tonic::async_trait]
impl OperationsService for OperationsGrpc {
    async fn list_services(
        &self,
        _: Request<pb::ListServicesRequest>,
    ) -> Result<Response<pb::ListServicesResponse>, Status> {
        let asked = self.services.iter().map(|(service, client)| self.report(service, client.clone()));
        let mut services = join_all(asked).await;
        // Afterwards: the first call to a service is what finds its endpoints.
        for view in self.directory.admin() {
            let report = services.iter_mut().find(|report| report.service == view.service);
            if let Some(report) = report.filter(|_| view.caller.is_empty() || view.caller == NAME) {
                report.endpoints = view.endpoints.into_iter().map(endpoint).collect();
            }
        }
        Ok(Response::new(pb::ListServicesResponse { services }))
    }

    async fn list_jobs(&self, request: Request<pb::ListJobsRequest>) -> Result<Response<pb::ListJobsResponse>, Status> {
        let pb::ListJobsRequest { service, state, page_size, page_token } = request.into_inner();
        let request = host::ListJobsRequest { state, page_size, page_token };
        let answer = self.of(&service).map_err(to_status)?.list_jobs(request).await.map_err(passed_on)?;
        let host::ListJobsResponse { jobs, next_page_token } = answer.into_inner();
        Ok(Response::new(pb::ListJobsResponse { jobs, next_page_token }))
    }

    async fn retry_job(&self, request: Request<pb::RetryJobRequest>) -> Result<Response<pb::RetryJobResponse>, Status> {
        let pb::RetryJobRequest { service, job_id } = request.into_inner();
        let mut client = self.of(&service).map_err(to_status)?;
        client.retry_job(host::RetryJobRequest { job_id }).await.map_err(passed_on)?;
        Ok(Response::new(pb::RetryJobResponse {}))
    }

    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Result<Response<pb::ListDeadLettersResponse>, Status> {
        let request = request.into_inner();
        let service = self.consumer(&request.service).map_err(to_status)?;
        let letters = self.bus.dead_letters(service).await.map_err(to_status)?;
        Ok(Response::new(pb::ListDeadLettersResponse { dead_letters: letters.into_iter().map(letter).collect() }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<pb::ReplayDeadLettersRequest>,
    ) -> Result<Response<pb::ReplayDeadLettersResponse>, Status> {
        let request = request.into_inner();
        let service = self.consumer(&request.service).map_err(to_status)?;
        let replayed_count = self.bus.replay(service).await.map_err(to_status)?;
        Ok(Response::new(pb::ReplayDeadLettersResponse { replayed_count }))
    }
}

/// What another service refused, with its reason.
fn passed_on(status: Status) -> Status {
    to_status(from_status(&status))
}

fn endpoint(view: EndpointView) -> pb::Endpoint {
    let state = match view.state {
        EndpointState::Open => pb::EndpointState::Open,
        EndpointState::Shut => pb::EndpointState::Shut,
        EndpointState::Probing => pb::EndpointState::Probing,
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    pb::Endpoint {
        address: view.address,
        state: state.into(),
        connection_count: count(view.connections),
        pending_count: count(view.pending.saturating_add(view.streams)),
        ejection_count: view.ejections,
        last_error: view.last_error.unwrap_or_default(),
    }
}

fn letter(letter: DeadLetter) -> pb::DeadLetter {
    let DeadLetter { event, reason, deliveries } = letter;
    pb::DeadLetter {
        event_id: event.id.to_string(),
        r#type: event.kind,
        source: event.source,
        subject: event.subject,
        time: Some(time::to_proto(event.time)),
        reason,
        delivery_count: deliveries,
    }
}
