//! A city for a test: the service as it runs, a clock that moves when told to, and people who call.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kvartal_host::{Config, Runtime, Service};
use kvartal_incident::application::ports::{Changes, Incidents, Photos, Reports};
use kvartal_incident::application::suggestions::Suggestions;
use kvartal_incident::application::upkeep::Upkeep;
use kvartal_incident::infrastructure::{
    StoredCases, StoredChanges, StoredIncidents, StoredPhotos, StoredReports, StoredSuggestions,
};
use kvartal_kernel::{ManualClock, Timestamp};
use kvartal_mesh::BoxService;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::suggestion_service_client::SuggestionServiceClient;
pub(crate) use kvartal_stage::{Heard, Person, reason};
use kvartal_stage::{People, stack};
use kvartal_store::Store;
use kvartal_testing::Postgres;
use tempfile::TempDir;
use tonic::Status;
use tonic::service::interceptor::InterceptedService;

/// The longest anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// A Friday, 2026-11-20T09:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_165_200_000_000);

pub(crate) type IncidentClient = IncidentServiceClient<InterceptedService<BoxService, Person>>;
pub(crate) type SuggestionClient = SuggestionServiceClient<InterceptedService<BoxService, Person>>;
pub(crate) type ReportClient = ReportServiceClient<InterceptedService<BoxService, Person>>;

/// Runs a test on SQLite and on PostgreSQL: `on_both!(name, …)` for functions that take a [`City`].
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(crate::city::City::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(crate::city::City::on_postgres().await).await;
            }
        })*
    };
}
pub(crate) use on_both;

/// The service with everything under it.
pub(crate) struct City {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    service: BoxService,
    people: People,
    postgres: Option<Arc<Postgres>>,
    _folder: TempDir,
}

impl City {
    pub(crate) async fn on_sqlite() -> Self {
        Self::open(None, Arc::new(ManualClock::at(NOW))).await
    }

    pub(crate) async fn on_postgres() -> Self {
        let postgres = Arc::new(kvartal_testing::postgres().await);
        Self::open(Some(postgres), Arc::new(ManualClock::at(NOW))).await
    }

    /// Another process of the same service, on the same database: PostgreSQL only.
    pub(crate) async fn replica(&self) -> Self {
        Self::open(self.postgres.clone(), self.clock.clone()).await
    }

    async fn open(postgres: Option<Arc<Postgres>>, clock: Arc<ManualClock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            log: "off".to_owned(),
            database_url: postgres.as_ref().map(|postgres| postgres.url_for_schema("{service}")),
            rate_factor: 1_000_000,
            ..Config::embedded(folder.path().join("data"))
        };
        let runtime = Runtime::start_with_clock(config, clock.clone()).await.unwrap();
        let Service { store, grpc, .. } =
            kvartal_incident::service(&runtime, &kvartal_incident::Config::default()).await.unwrap();
        let people = People::new(clock.clone());
        let service = stack(&runtime, kvartal_incident::NAME, people.verifier()).wrap(grpc);
        Self { runtime, store, clock, service, people, postgres, _folder: folder }
    }

    /// The service's own database; PostgreSQL only.
    pub(crate) fn url(&self) -> String {
        self.postgres.as_ref().unwrap().url_for_schema("incident")
    }

    /// Somebody with these roles.
    pub(crate) fn person(&self, roles: &[&str]) -> Person {
        self.people.person(roles)
    }

    /// Nobody in particular.
    pub(crate) fn nobody(&self) -> Person {
        self.people.nobody()
    }

    pub(crate) fn dispatcher(&self) -> Person {
        self.person(&["dispatcher"])
    }

    pub(crate) fn citizen(&self) -> Person {
        self.person(&["citizen"])
    }

    pub(crate) fn incidents(&self, who: &Person) -> IncidentClient {
        IncidentServiceClient::with_interceptor(self.service.clone(), who.clone())
    }

    pub(crate) fn reports(&self, who: &Person) -> ReportClient {
        ReportServiceClient::with_interceptor(self.service.clone(), who.clone())
    }

    pub(crate) fn suggestions(&self, who: &Person) -> SuggestionClient {
        SuggestionServiceClient::with_interceptor(self.service.clone(), who.clone())
    }

    /// What the clock asks for, done now.
    pub(crate) fn upkeep(&self) -> Upkeep {
        let store = || self.store.clone();
        let incidents: Arc<dyn Incidents> = Arc::new(StoredIncidents::new(store()));
        let reports: Arc<dyn Reports> = Arc::new(StoredReports::new(store()));
        let photos: Arc<dyn Photos> = Arc::new(StoredPhotos::new(store()));
        let changes: Arc<dyn Changes> = Arc::new(StoredChanges::new(store()));
        let cases = Arc::new(StoredCases::new(store()));
        let suggestions: Arc<dyn Suggestions> = Arc::new(StoredSuggestions::new(store()));
        Upkeep { cases, incidents, reports, photos, changes, suggestions, clock: self.clock.clone() }
    }

    /// Collects the events of the service from now on.
    pub(crate) async fn listen(&self) -> Heard {
        let kinds = ["IncidentCreated", "IncidentUpdated", "IncidentStatusChanged", "IncidentAssigned"]
            .iter()
            .chain(&["ReportReceived", "ReportStatusChanged"])
            .map(|name| format!("kvartal.incident.v1.{name}"));
        Heard::on(&self.runtime, kinds).await
    }
}

pub(crate) fn at(latitude: f64, longitude: f64) -> pb::LatLng {
    pb::LatLng { latitude, longitude }
}

pub(crate) fn crash() -> pb::CreateIncidentRequest {
    pb::CreateIncidentRequest {
        kind: pb::IncidentKind::Crash.into(),
        title: "Two cars".to_owned(),
        place: Some(pb::Place { points: vec![at(55.75, 37.61)], road: "Tverskaya".to_owned(), ..Default::default() }),
        ..Default::default()
    }
}

pub(crate) fn pothole() -> pb::CreateReportRequest {
    pb::CreateReportRequest {
        category_id: "pothole".to_owned(),
        description: "A deep hole in the second lane".to_owned(),
        location: Some(at(55.75, 37.61)),
        address: "Tverskaya 1".to_owned(),
        ..Default::default()
    }
}

/// Shortens the calls of tests.
pub(crate) trait Calls {
    fn log(&mut self, request: pb::CreateIncidentRequest) -> impl Future<Output = pb::Incident>;
    fn see(&mut self, id: &str) -> impl Future<Output = pb::Incident>;
    fn go(&mut self, id: &str, to: pb::IncidentStatus) -> impl Future<Output = Result<pb::Incident, Status>>;
}

impl Calls for IncidentClient {
    async fn log(&mut self, request: pb::CreateIncidentRequest) -> pb::Incident {
        self.create_incident(request).await.unwrap().into_inner().incident.unwrap()
    }

    async fn see(&mut self, id: &str) -> pb::Incident {
        let request = pb::GetIncidentRequest { incident_id: id.to_owned() };
        self.get_incident(request).await.unwrap().into_inner().incident.unwrap()
    }

    async fn go(&mut self, id: &str, to: pb::IncidentStatus) -> Result<pb::Incident, Status> {
        let request = pb::TransitionIncidentRequest {
            incident_id: id.to_owned(),
            status: to.into(),
            comment: "so it is".to_owned(),
            etag: String::new(),
        };
        Ok(self.transition_incident(request).await?.into_inner().incident.unwrap())
    }
}

/// Shortens the calls of tests.
pub(crate) trait Filing {
    fn file(&mut self, request: pb::CreateReportRequest) -> impl Future<Output = pb::Report>;
    fn look(&mut self, name: &str) -> impl Future<Output = Result<pb::GetReportResponse, Status>>;
    fn reply(&mut self, id: &str, to: pb::ReportStatus) -> impl Future<Output = Result<pb::Report, Status>>;
    fn vote(&mut self, id: &str, confirmed: bool) -> impl Future<Output = Result<pb::Report, Status>>;
}

impl Filing for ReportClient {
    async fn file(&mut self, request: pb::CreateReportRequest) -> pb::Report {
        self.create_report(request).await.unwrap().into_inner().report.unwrap()
    }

    async fn look(&mut self, name: &str) -> Result<pb::GetReportResponse, Status> {
        Ok(self.get_report(pb::GetReportRequest { report: name.to_owned() }).await?.into_inner())
    }

    async fn reply(&mut self, id: &str, to: pb::ReportStatus) -> Result<pb::Report, Status> {
        let request = pb::AnswerReportRequest {
            report_id: id.to_owned(),
            status: to.into(),
            answer: "so it is".to_owned(),
            ..Default::default()
        };
        Ok(self.answer_report(request).await?.into_inner().report.unwrap())
    }

    async fn vote(&mut self, id: &str, confirmed: bool) -> Result<pb::Report, Status> {
        let request = pb::ConfirmReportRequest { report_id: id.to_owned(), confirmed, comment: String::new() };
        Ok(self.confirm_report(request).await?.into_inner().report.unwrap())
    }
}

/// Versions by id, for comparing what was told with what is.
pub(crate) type Versions = HashMap<String, i64>;

pub(crate) fn version(etag: &str) -> i64 {
    etag.trim_start_matches('v').parse().unwrap()
}
