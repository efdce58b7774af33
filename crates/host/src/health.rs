//! Whether the process, each of its services and everything they depend on is well.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use kvartal_kernel::{Clock, Error, Timestamp};
use kvartal_mesh::tls::{Identities, Identity};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Gauge;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// How often dependencies are asked while all are well.
const EVERY: Duration = Duration::from_secs(3);
/// How often while one is not, so that recovery is seen soon.
const EVERY_WHEN_DOWN: Duration = Duration::from_secs(1);
/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Works.
    Up,
    /// Does not.
    Down,
}

/// Something outside that is needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DependencyReport {
    /// Such as `incident/database` or `bus`.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Whether a service cannot work without it; the others work on, with less.
    pub required: bool,
    /// Since when it is so, RFC 3339.
    pub since: String,
    /// What it answered last when it did not work; kept after it recovered.
    pub last_error: Option<String>,
}

/// A service of this process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ServiceReport {
    /// Its name.
    pub name: String,
    /// Whether it takes calls.
    pub state: State,
    /// The dependencies it needs.
    pub dependencies: Vec<String>,
}

/// A certificate of this process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CertificateReport {
    /// Whose it is, such as `spiffe://kvartal/incident`.
    pub name: String,
    /// Its number, in hexadecimal.
    pub serial: String,
    /// When it ends, RFC 3339.
    pub expires: String,
    /// Seconds until then.
    pub left_seconds: u64,
    /// Why what is in its folder now is not used.
    pub error: Option<String>,
}

/// What `/healthz` shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// `ready`, `degraded` (something optional is down), `not_ready` or `stopping`.
    pub status: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// Services of this process.
    pub services: Vec<ServiceReport>,
    /// What they depend on.
    pub dependencies: Vec<DependencyReport>,
    /// Who the process is, where services prove their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateReport>,
    /// Tasks that panicked; the process should be started again.
    pub failed_tasks: Vec<&'static str>,
}

type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

struct Dependency {
    probe: Probe,
    service: Option<&'static str>,
    state: State,
    since: Timestamp,
    last_error: Option<String>,
}

#[derive(Default)]
struct Table {
    dependencies: BTreeMap<String, Dependency>,
    /// Service name → full names of its gRPC services.
    services: BTreeMap<&'static str, Vec<String>>,
    identities: Option<Identities>,
    failed_tasks: Vec<&'static str>,
    started: bool,
    stopping: bool,
}

struct Inner {
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
    reporter: HealthReporter,
    changed: watch::Sender<u64>,
    gauge: Gauge<i64>,
}

/// The health of the process. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

impl Health {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let gauge = opentelemetry::global::meter("kvartal.health")
            .i64_gauge("kvartal.dependency.up")
            .with_description("1 when the dependency answers, 0 when it does not")
            .build();
        let reporter = HealthReporter::new();
        Self(Arc::new(Inner { clock, table: Mutex::default(), reporter, changed: watch::Sender::new(0), gauge }))
    }

    /// Watches something that just worked. With a service, that service cannot work without it.
    pub fn watch<F>(&self, name: impl Into<String>, service: Option<&'static str>, probe: F)
    where
        F: Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync + 'static,
    {
        let since = self.0.clock.now();
        let dependency = Dependency { probe: Arc::new(probe), service, state: State::Up, since, last_error: None };
        self.table().dependencies.insert(name.into(), dependency);
    }

    /// Whether every service works; false before [`Self::started`] and once the process stops.
    pub fn ready(&self) -> bool {
        let table = self.table();
        table.started
            && !table.stopping
            && table.failed_tasks.is_empty()
            && table.services.keys().all(|name| table.serves(name))
    }

    /// How everything is.
    pub fn report(&self) -> Report {
        let ready = self.ready();
        let table = self.table();
        let all_up = table.dependencies.values().all(|dependency| dependency.state == State::Up);
        let status = match (table.stopping, ready, all_up) {
            (true, ..) => "stopping",
            (false, true, true) => "ready",
            (false, true, false) => "degraded",
            (false, false, _) => "not_ready",
        };
        let service = |name: &&'static str| ServiceReport {
            name: (*name).to_owned(),
            state: if table.serves(name) { State::Up } else { State::Down },
            dependencies: table.needed_by(name).map(|(name, _)| name.clone()).collect(),
        };
        let dependency = |(name, dependency): (&String, &Dependency)| DependencyReport {
            name: name.clone(),
            state: dependency.state,
            required: dependency.service.is_some(),
            since: dependency.since.to_string(),
            last_error: dependency.last_error.clone(),
        };
        Report {
            status,
            version: env!("CARGO_PKG_VERSION"),
            services: table.services.keys().map(service).collect(),
            dependencies: table.dependencies.iter().map(dependency).collect(),
            certificates: table.identities.iter().flat_map(Identities::iter).map(certificate).collect(),
            failed_tasks: table.failed_tasks.clone(),
        }
    }

    /// Counts the changes; wakes those who wait for one.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// The `grpc.health.v1` service: the process under the empty name, each service under its name and full names.
    pub fn grpc(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.reporter.clone()))
    }

    /// Everything that belongs to the process has been started.
    pub async fn started(&self) {
        self.table().started = true;
        self.publish().await;
    }

    /// A service is there: what is asked about its name and its full names is answered from now on.
    pub async fn register(&self, service: &'static str, full_names: Vec<String>) {
        self.table().services.insert(service, full_names);
        self.publish().await;
    }

    /// From now on nothing is ready any more.
    pub(crate) async fn stopping(&self) {
        self.table().stopping = true;
        self.publish().await;
    }

    /// Shows these certificates too.
    pub(crate) fn show(&self, identities: Identities) {
        self.table().identities = Some(identities);
    }

    pub(crate) fn task_failed(&self, name: &'static str) {
        let mut table = self.table();
        if !table.failed_tasks.contains(&name) {
            table.failed_tasks.push(name);
        }
        drop(table);
        self.0.changed.send_modify(|count| *count += 1);
    }

    /// Asks everything again and again.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut changed = self.changed();
        loop {
            let all_up = self.probe_all().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(if all_up { EVERY } else { EVERY_WHEN_DOWN }) => {}
                // A task that failed makes itself known at once.
                _ = changed.changed() => {
                    self.publish().await;
                    changed.mark_unchanged();
                }
            }
        }
    }

    /// Asks every dependency at once; true when all work.
    async fn probe_all(&self) -> bool {
        let probes: Vec<(String, Probe)> = {
            let table = self.table();
            table.dependencies.iter().map(|(name, dependency)| (name.clone(), dependency.probe.clone())).collect()
        };
        let answers = probes.into_iter().map(|(name, probe)| async move {
            let answer = tokio::time::timeout(TIMEOUT, probe()).await;
            let timeout = || Err(Error::unavailable("NO_ANSWER", format!("no answer within {TIMEOUT:?}")));
            (name, answer.unwrap_or_else(|_| timeout()))
        });
        let mut changed = false;
        let mut all_up = true;
        for (name, answer) in futures::future::join_all(answers).await {
            all_up &= answer.is_ok();
            changed |= self.note(&name, answer);
        }
        if changed {
            self.publish().await;
        }
        all_up
    }

    /// Takes an answer in; true when it changes something.
    fn note(&self, name: &str, answer: Result<(), Error>) -> bool {
        let now = self.0.clock.now();
        let mut table = self.table();
        let Some(dependency) = table.dependencies.get_mut(name) else { return false };
        let before = dependency.state;
        match &answer {
            Ok(()) => dependency.state = State::Up,
            Err(error) => {
                dependency.state = State::Down;
                dependency.last_error = Some(error.to_string());
            }
        }
        self.0.gauge.record(i64::from(answer.is_ok()), &[KeyValue::new("dependency", name.to_owned())]);
        if before == dependency.state {
            return false;
        }
        dependency.since = now;
        match answer {
            Ok(()) => tracing::info!(dependency = name, "a dependency works again"),
            Err(error) => tracing::error!(dependency = name, error = error.chain(), "a dependency does not work"),
        }
        true
    }

    /// Tells the gRPC health service and whoever waits for a change.
    pub(crate) async fn publish(&self) {
        let status = |up| if up { ServingStatus::Serving } else { ServingStatus::NotServing };
        let mut statuses = vec![(String::new(), status(self.ready()))];
        {
            let table = self.table();
            for (name, full_names) in &table.services {
                let up = status(table.serves(name));
                statuses.push(((*name).to_owned(), up));
                statuses.extend(full_names.iter().map(|full_name| (full_name.clone(), up)));
            }
        }
        for (name, status) in statuses {
            self.0.reporter.set_service_status(name, status).await;
        }
        self.0.changed.send_modify(|count| *count += 1);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn certificate(identity: &Identity) -> CertificateReport {
    let status = identity.status();
    CertificateReport {
        name: status.name.to_string(),
        serial: status.serial,
        expires: status.expires.to_string(),
        left_seconds: status.left.as_secs(),
        error: status.error,
    }
}

impl Table {
    fn needed_by(&self, service: &str) -> impl Iterator<Item = (&String, &Dependency)> {
        self.dependencies.iter().filter(move |(_, dependency)| dependency.service == Some(service))
    }

    fn serves(&self, service: &str) -> bool {
        !self.stopping && self.needed_by(service).all(|(_, dependency)| dependency.state == State::Up)
    }
}
