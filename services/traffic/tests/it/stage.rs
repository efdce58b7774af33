//! A stage for tests: the service as it runs, a clock that moves when told to, and people who call.

use std::sync::Arc;

use kvartal_host::{Config, Runtime, Service};
use kvartal_kernel::{ManualClock, Timestamp};
use kvartal_mesh::BoxService;
use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
pub(crate) use kvartal_stage::{Heard, Person, reason};
use kvartal_stage::{People, stack};
use kvartal_store::Store;
use kvartal_testing::Postgres;
use kvartal_traffic::application::health::HealthWatch;
use kvartal_traffic::application::readings::ReadingDesk;
use kvartal_traffic::application::registry::Registry;
use kvartal_traffic::infrastructure::{StoredDetectors, StoredReadings};
use tempfile::TempDir;
use tonic::service::interceptor::InterceptedService;

/// A Friday, 2026-11-20T09:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_165_200_000_000);
/// Largest message here: a page of 20,000 rows.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) type Client = InterceptedService<BoxService, Person>;

/// Runs a test on SQLite and on PostgreSQL: `on_both!(name, …)` for functions that take a [`Stage`].
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(crate::stage::Stage::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(crate::stage::Stage::on_postgres().await).await;
            }
        })*
    };
}
pub(crate) use on_both;

/// The service with everything under it.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    service: BoxService,
    people: People,
    postgres: Option<Arc<Postgres>>,
    runtime: Runtime,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn on_sqlite() -> Self {
        Self::on_sqlite_at(NOW.seconds()).await
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::on_postgres_at(NOW.seconds()).await
    }

    /// At another time, seconds since 1970.
    pub(crate) async fn on_sqlite_at(time: i64) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(time * 1_000_000)));
        Self::open(None, clock, kvartal_traffic::Config::default()).await
    }

    /// At another time, seconds since 1970.
    pub(crate) async fn on_postgres_at(time: i64) -> Self {
        let postgres = Arc::new(kvartal_testing::postgres().await);
        let clock = Arc::new(ManualClock::at(Timestamp(time * 1_000_000)));
        Self::open(Some(postgres), clock, kvartal_traffic::Config::default()).await
    }

    /// Another process of the same service, on the same database: PostgreSQL only.
    pub(crate) async fn replica(&self) -> Self {
        Self::open(self.postgres.clone(), self.clock.clone(), kvartal_traffic::Config::default()).await
    }

    pub(crate) async fn open(
        postgres: Option<Arc<Postgres>>,
        clock: Arc<ManualClock>,
        config: kvartal_traffic::Config,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Config {
            log: "off".to_owned(),
            database_url: postgres.as_ref().map(|postgres| postgres.url_for_schema("{service}")),
            rate_factor: 1_000_000,
            ..Config::embedded(folder.path().join("data"))
        };
        let runtime = Runtime::start_with_clock(host, clock.clone()).await.unwrap();
        let Service { store, grpc, .. } = kvartal_traffic::service(&runtime, &config).await.unwrap();
        let people = People::new(clock.clone());
        let service = stack(&runtime, kvartal_traffic::NAME, people.verifier()).wrap(grpc);
        Self { store, clock, service, people, postgres, runtime, _folder: folder }
    }

    /// Collects events of these kinds from now on, as another service gets them.
    pub(crate) async fn listen(&self, kinds: &[&str]) -> Heard {
        Heard::on(&self.runtime, kinds.iter().map(|kind| format!("kvartal.traffic.v1.{kind}"))).await
    }

    /// Makes a stand-in for another service known: this one talks to it behind the real server stack.
    pub(crate) fn register(&self, name: &'static str, routes: tonic::service::Routes) {
        kvartal_stage::stand_in(&self.runtime, name, routes);
    }

    /// Somebody with these roles.
    pub(crate) fn person(&self, roles: &[&str]) -> Person {
        self.people.person(roles)
    }

    pub(crate) fn admin(&self) -> Person {
        self.person(&["admin", "dispatcher"])
    }

    pub(crate) fn client(&self, who: &Person) -> Client {
        InterceptedService::new(self.service.clone(), who.clone())
    }

    pub(crate) fn detectors(&self) -> DetectorServiceClient<Client> {
        DetectorServiceClient::new(self.client(&self.admin()))
    }

    pub(crate) fn readings(&self) -> ReadingServiceClient<Client> {
        let client = ReadingServiceClient::new(self.client(&self.admin()));
        client.max_encoding_message_size(MESSAGE_BYTES_MAX).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Adds detectors that say nothing about themselves.
    pub(crate) async fn add(&self, ids: &[&str]) {
        let detectors = ids.iter().map(|id| pb::NewDetector { detector_id: (*id).to_owned(), ..Default::default() });
        let request = pb::BatchPutDetectorsRequest { detectors: detectors.collect() };
        self.detectors().batch_put_detectors(request).await.unwrap();
    }

    /// Removes what is too old: readings after ten days, roll-ups after so many.
    pub(crate) async fn prune(&self, rollups_days: u32) {
        let detectors = Arc::new(StoredDetectors::new(self.store.clone()));
        let readings = Arc::new(StoredReadings::new(self.store.clone()));
        let registry = Arc::new(Registry::new(detectors, self.clock.clone()));
        ReadingDesk::new(readings, registry, self.clock.clone(), 10).prune(rollups_days).await.unwrap();
    }

    /// A detector after all have been judged.
    pub(crate) async fn judged(&self, id: &str) -> pb::Detector {
        let detectors = Arc::new(StoredDetectors::new(self.store.clone()));
        let readings = Arc::new(StoredReadings::new(self.store.clone()));
        HealthWatch::new(detectors, readings, self.clock.clone()).judge_all().await.unwrap();
        let request = pb::GetDetectorRequest { detector_id: id.to_owned() };
        self.detectors().get_detector(request).await.unwrap().into_inner().detector.unwrap()
    }
}

/// Seconds since 1970 as a time.
pub(crate) fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// A reading with a speed.
pub(crate) fn speed(detector: &str, time: i64, kmh: f64) -> pb::NewReading {
    pb::NewReading { detector_id: detector.to_owned(), time: at(time), speed_kmh: Some(kmh), ..Default::default() }
}
