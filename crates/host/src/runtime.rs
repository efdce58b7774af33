//! The runtime: adapters chosen by configuration, and everything that is started, watched and stopped with the process.

use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use kvartal_contract::Contract;
use kvartal_events::{Bus, Handler, Relay, inbox};
use kvartal_kernel::{Clock, SystemClock};
use kvartal_mesh::auth::{JwtVerifier, Revoke, Verifier};
use kvartal_mesh::rate::Limiter;
use kvartal_mesh::server::{Limits, Stack};
use kvartal_mesh::tls::Identities;
use kvartal_mesh::{Directory, Remote, RemoteOptions};
use kvartal_proto::host::v1::host_service_server::HostServiceServer;
use kvartal_store::{Store, StoreOptions};
use sea_orm_migration::MigrationTrait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapters::{Adapters, AnyBus};
use crate::audit::OutboxAudit;
use crate::config::Config;
use crate::health::Health;
use crate::inspect::HostGrpc;
use crate::jobs::Jobs;
use crate::keys::IdentityKeys;
use crate::listen;
use crate::patience::wait_for;
use crate::service::{Registered, Service};
use crate::tasks::{Phase, Tasks};
use crate::telemetry::Telemetry;
use crate::tls;
use crate::web::Gate;

/// How often old rows are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(600);
/// Bounds of the wait before a consumer that failed is started again.
const CONSUME_AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// What services run on. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    contract: &'static Contract,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: &'static Telemetry,
    pub(crate) health: Health,
    pub(crate) tasks: Tasks,
    /// Told first: streams and listeners end.
    pub(crate) stop: CancellationToken,
    /// Told when no call runs any more: jobs, consumers and relays end.
    pub(crate) background: CancellationToken,
    probes: Option<SocketAddr>,
    pub(crate) calls: TaskTracker,
    pub(crate) adapters: Adapters,
    identities: Option<Identities>,
    directory: Directory,
    verifier: Arc<dyn Verifier>,
    pub(crate) stores: Mutex<Vec<(&'static str, Store)>>,
    services: Mutex<Vec<Registered>>,
    /// Held while the process uses the data folder.
    _lock: Option<File>,
}

impl Runtime {
    /// Connects everything the configuration names and declares the queues of all consumers; fails with the option's
    /// name when something cannot work.
    pub async fn start(config: Config) -> anyhow::Result<Runtime> {
        Self::start_with_clock(config, Arc::new(SystemClock)).await
    }

    /// The same, with another clock.
    pub async fn start_with_clock(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Runtime> {
        Self::assemble(config, kvartal_proto::contract(), clock, true).await
    }

    /// The same, for services of another contract than the platform's.
    pub async fn start_with_contract(config: Config, contract: &'static Contract) -> anyhow::Result<Runtime> {
        Self::assemble(config, contract, Arc::new(SystemClock), true).await
    }

    /// For a process that keeps nothing and has nothing to do with events: neither data folder nor bus.
    pub async fn start_without_events(config: Config) -> anyhow::Result<Runtime> {
        Self::assemble(config, kvartal_proto::contract(), Arc::new(SystemClock), false).await
    }

    async fn assemble(
        config: Config,
        contract: &'static Contract,
        clock: Arc<dyn Clock>,
        events: bool,
    ) -> anyhow::Result<Runtime> {
        config.validate()?;
        #[cfg(debug_assertions)]
        if config.sabotage.is_some() {
            kvartal_events::sabotage::write_outside_the_transaction();
        }
        let telemetry = Telemetry::start(&config)?;
        let lock = if events { prepare_data_dir(&config)? } else { None };
        let health = Health::new(clock.clone());
        let tasks = Tasks::new(health.clone());
        let (stop, background) = (CancellationToken::new(), CancellationToken::new());
        let probes = listen::for_probes(&config, telemetry, &health, &tasks, &stop).await?;
        let bus = if events { AnyBus::open(&config, &health).await? } else { AnyBus::None };
        let adapters = Adapters::connect(bus, &config, &clock, &health, &tasks, &background).await?;
        let identities = tls::start(&config, &clock, &health, &tasks, &background)?;
        let key = adapters.mesh_key.clone();
        // Without a way to say who calls, nobody is called.
        let remote = (identities.is_some() || key.is_some()).then(|| Remote {
            url: config.service_url.clone(),
            key,
            options: RemoteOptions { security: identities.clone().into(), ..RemoteOptions::default() },
        });
        let directory = Directory::new(contract, clock.clone(), remote);
        let keys = Arc::new(IdentityKeys(directory.clone()));
        let verifier = Arc::new(JwtVerifier::new(keys, adapters.revocations.clone(), clock.clone()));
        tasks.spawn("keys", Phase::Background, verifier.clone().follow(background.clone()));
        tasks.spawn("health", Phase::Background, health.clone().run(background.clone()));
        let runtime = Runtime(Arc::new(Inner {
            config,
            contract,
            clock,
            telemetry,
            health,
            tasks,
            stop,
            background,
            probes,
            calls: TaskTracker::new(),
            adapters,
            identities,
            directory,
            verifier,
            stores: Mutex::default(),
            services: Mutex::default(),
            _lock: lock,
        }));
        if events {
            runtime.declare_queues().await?;
        }
        Ok(runtime)
    }

    /// The time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    /// What its services promise.
    pub fn contract(&self) -> &'static Contract {
        self.0.contract
    }

    /// The options.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What carries events.
    pub fn bus(&self) -> Arc<dyn Bus> {
        self.0.adapters.bus.port()
    }

    /// Where other services are.
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// Who this process is towards other processes, where services prove their names by certificates.
    pub fn identities(&self) -> Option<&Identities> {
        self.0.identities.as_ref()
    }

    /// Cancelled when the process is told to stop; tasks started with [`Self::spawn`] end then.
    pub fn stop(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// How everything is.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// Where probes are answered, when [`Config::probe_listen`] says that they are.
    pub fn probes(&self) -> Option<SocketAddr> {
        self.0.probes
    }

    /// Every metric of the process in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.0.telemetry.metrics()
    }

    /// Takes revocations in.
    pub fn revoke(&self) -> Arc<dyn Revoke> {
        self.0.adapters.revoke.clone()
    }

    /// Tells who calls.
    pub fn verifier(&self) -> Arc<dyn Verifier> {
        self.0.verifier.clone()
    }

    /// Counts calls.
    pub fn limiter(&self) -> Arc<dyn Limiter> {
        self.0.adapters.limiter.clone()
    }

    /// Running calls; whoever answers calls without a stack tracks them here, so that shutdown waits for them.
    pub fn calls(&self) -> &TaskTracker {
        &self.0.calls
    }

    /// Starts a task that ends with [`Self::stop`]. Shutdown waits for it; its panic ends readiness.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.spawn_in(name, Phase::Calls, future);
    }

    pub(crate) fn spawn_in(&self, name: &'static str, phase: Phase, future: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(name, phase, future);
    }

    /// Opens the service's database and migrates it (its own tables, outbox, inbox, jobs); from then on it is watched, its
    /// events are relayed and its old rows are cleared away.
    pub async fn store(
        &self,
        service: &'static str,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> anyhow::Result<Store> {
        let config = &self.0.config;
        let options = StoreOptions {
            url: config.store_url(service)?,
            pool_size: config.database_pool_size,
            application_name: service.to_owned(),
        };
        let what = format!("the database of {service}");
        let store = wait_for(&what, config.wait_for_servers, || Store::open(options.clone())).await?;
        store.hurry(kvartal_mesh::deadline::remaining);
        let migrations = crate::migrations(migrations);
        // It may go away again meanwhile.
        let migrated = wait_for(&what, config.wait_for_servers, || store.migrate_by(&migrations)).await;
        migrated.with_context(|| format!("{what} cannot be migrated"))?;
        lock(&self.0.stores).push((service, store.clone()));
        if !store.is_postgres() {
            // The data folder is ours alone: whoever held a job is gone, so nobody waits for its lease to end.
            self.jobs(&store).release_all().await?;
        }
        let probed = store.clone();
        self.0.health.watch(format!("{service}/database"), Some(service), move || {
            let store = probed.clone();
            Box::pin(async move { store.ping().await })
        });
        let (watched, stop) = (store.clone(), self.0.background.clone());
        self.spawn_in("database", Phase::Background, async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = watched.watch() => {}
            }
        });
        let relay = Relay::new(store.clone(), self.bus(), service);
        self.spawn_in("relay", Phase::Background, relay.run(self.0.background.clone()));
        self.spawn_in("housekeeping", Phase::Background, self.clone().clear_away(service, store.clone()));
        Ok(store)
    }

    /// Hands the service the events its contract says it consumes.
    pub async fn consume(&self, service: &'static str, handler: Arc<dyn Handler>) -> anyhow::Result<()> {
        if self.contract().consumed_by(service).is_empty() {
            bail!("the contract of {service} names no event it consumes");
        }
        let (bus, stop) = (self.bus(), self.0.background.clone());
        self.spawn_in("consumer", Phase::Background, async move {
            let (shortest, longest) = CONSUME_AGAIN;
            let mut wait = shortest;
            loop {
                let began = Instant::now();
                let Err(error) = bus.consume(service, handler.clone(), stop.clone()).await else { return };
                if began.elapsed() > longest {
                    wait = shortest;
                }
                tracing::error!(service, error = error.chain(), again_in = ?wait, "events cannot be consumed");
                if tokio::time::timeout(wait, stop.cancelled()).await.is_ok() {
                    return;
                }
                wait = (wait * 2).min(longest);
            }
        });
        Ok(())
    }

    /// Background jobs kept in this store; call it once for each service.
    pub fn jobs(&self, store: &Store) -> Jobs {
        let workers = usize::try_from(self.0.config.job_workers).unwrap_or(1);
        // Clones of a store share its commits.
        let commits = store.committed();
        let owner = |(_, known): &&(&'static str, Store)| known.committed().same_channel(&commits);
        let service = lock(&self.0.stores).iter().find(owner).map_or("unknown", |(service, _)| *service);
        let (tasks, stop) = (self.0.tasks.clone(), self.0.background.clone());
        Jobs::new(service, store.clone(), self.clock(), tasks, stop, workers)
    }

    /// Puts the service behind its stack and makes it known to other services.
    pub async fn serve(&self, service: Service) -> anyhow::Result<()> {
        let Service { name, store, grpc, http, full_names } = service;
        for promised in self.contract().services().filter(|promised| promised.domain == name) {
            if !full_names.contains(&promised.full_name) {
                bail!("{name} does not offer {}, which its contract promises", promised.full_name);
            }
        }
        let own = HostGrpc::new(name, self.jobs(&store), self.health().clone());
        let grpc = grpc.add_service(HostServiceServer::new(own));
        let stack = Stack {
            contract: self.contract(),
            service: name,
            verifier: self.verifier(),
            mesh_key: self.0.adapters.mesh_key.clone(),
            limiter: self.limiter(),
            audit: Arc::new(OutboxAudit { store, service: name, clock: self.clock() }),
            clock: self.clock(),
            stop: self.stop(),
            calls: self.0.calls.clone(),
            limits: Limits::default(),
        };
        let grpc = stack.wrap(grpc);
        let http = Gate::new(name, self.verifier(), self.limiter(), self.0.calls.clone()).guard(http);
        self.0.directory.register(name, grpc.clone());
        self.0.health.register(name, full_names.clone()).await;
        lock(&self.0.services).push(Registered { name, full_names, grpc, http });
        Ok(())
    }

    /// The services of this process, in the order they were served.
    pub fn services(&self) -> Vec<Registered> {
        lock(&self.0.services).clone()
    }

    /// Every queue of the contract, not only those consumed here: an event is kept for a service that is not running yet.
    async fn declare_queues(&self) -> anyhow::Result<()> {
        for domain in self.contract().domains() {
            let kinds = self.contract().consumed_by(domain);
            if !kinds.is_empty() {
                self.bus()
                    .declare(domain, &kinds)
                    .await
                    .with_context(|| format!("the queue of {domain} cannot be made"))?;
            }
        }
        Ok(())
    }

    async fn clear_away(self, service: &'static str, store: Store) {
        let jobs = self.jobs(&store);
        while tokio::time::timeout(HOUSEKEEPING, self.0.background.cancelled()).await.is_err() {
            let now = self.0.clock.now();
            for (what, result) in [("inbox", inbox::prune(&store, now).await), ("jobs", jobs.prune().await)] {
                match result {
                    Ok(0) => {}
                    Ok(count) => tracing::debug!(service, what, count, "old rows were deleted"),
                    Err(error) => tracing::warn!(service, what, error = error.chain(), "old rows were not deleted"),
                }
            }
        }
    }
}

/// Makes the data folder, readable by its owner only, and takes it for this process; `None` when nothing is kept there.
fn prepare_data_dir(config: &Config) -> anyhow::Result<Option<File>> {
    if config.database_url()?.is_some() && config.bus_url()?.is_some() {
        return Ok(None);
    }
    let folder: &Path = &config.data_dir;
    let cannot = || format!("--data-dir {} cannot be used", folder.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(cannot)?;
    let file = File::create(folder.join("lock")).with_context(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => bail!("another process uses --data-dir {}", folder.display()),
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
