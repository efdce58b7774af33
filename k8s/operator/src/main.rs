//! The program: `run` in the cluster, `crd` for the chart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::{Parser, Subcommand};
use kube::runtime::events::{Recorder, Reporter};
use kube::{Client, CustomResourceExt as _};
use kvartal_kernel::SystemClock;
use kvartal_operator::api::ServiceDatabase;
use kvartal_operator::backup::store::Store;
use kvartal_operator::context::{Context, MANAGER};
use kvartal_operator::controller;
use kvartal_operator::helm::{self, Helm};
use kvartal_operator::identity::Issuer;
use kvartal_operator::leader::Candidate;
use kvartal_operator::metrics::Metrics;
use kvartal_operator::values::{Defaults, Peer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Gives each service of Kvartal its database and its identity.
#[derive(Parser)]
#[command(name = "kvartal-operator", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Work, as long as this operator holds the lease.
    Run(Box<Run>),
    /// Print the definition of ServiceDatabase.
    Crd,
    /// Carry backups to and from an S3-compatible store: what Jobs do.
    Store(Box<Store>),
}

#[derive(clap::Args)]
struct Run {
    /// Namespace of the operator itself: its lease and its authority are there.
    #[arg(long, env = "KVARTAL_OPERATOR_NAMESPACE", value_name = "NAME")]
    namespace: String,
    /// Namespaces whose databases and services it looks after; its own when none is given.
    #[arg(long, env = "KVARTAL_OPERATOR_WATCH", value_name = "NAME", value_delimiter = ',')]
    watch: Vec<String>,
    /// Who it is, among several: the name of its pod.
    #[arg(long, env = "KVARTAL_OPERATOR_IDENTITY", value_name = "NAME")]
    identity: String,
    /// The chart of a database.
    #[arg(long, env = "KVARTAL_OPERATOR_CHART", value_name = "PATH", default_value = "/charts/service-database")]
    chart: PathBuf,
    /// Helm.
    #[arg(long, env = "KVARTAL_OPERATOR_HELM", value_name = "PATH", default_value = "/usr/local/bin/helm")]
    helm: PathBuf,
    /// A folder Helm may write to.
    #[arg(long, env = "KVARTAL_OPERATOR_HELM_HOME", value_name = "DIR", default_value = "/tmp/helm")]
    helm_home: PathBuf,
    /// Helm processes at once.
    #[arg(long, env = "KVARTAL_OPERATOR_HELM_PARALLEL", value_name = "COUNT", default_value_t = 4)]
    helm_parallel: usize,
    /// Image of PostgreSQL, without a tag: that is the version of a database.
    #[arg(long, env = "KVARTAL_OPERATOR_IMAGE", value_name = "REPOSITORY", default_value = "kvartal-postgres")]
    image: String,
    /// Image of PostgreSQL with TimescaleDB.
    #[arg(
        long,
        env = "KVARTAL_OPERATOR_TIMESCALEDB_IMAGE",
        value_name = "REPOSITORY",
        default_value = "kvartal-timescaledb"
    )]
    timescaledb_image: String,
    /// The image of this operator, with its tag or digest: Jobs carry backups to stores with it.
    #[arg(long, env = "KVARTAL_OPERATOR_OWN_IMAGE", value_name = "IMAGE")]
    own_image: Option<String>,
    /// Secrets for the registries of these images, in the namespaces of the databases.
    #[arg(long, env = "KVARTAL_OPERATOR_PULL_SECRETS", value_name = "NAME", value_delimiter = ',')]
    pull_secrets: Vec<String>,
    /// Name of the installation in every certificate.
    #[arg(long, env = "KVARTAL_OPERATOR_TRUST_DOMAIN", value_name = "NAME", default_value = "kvartal")]
    trust_domain: String,
    /// How long the certificate of a service lives, in hours.
    #[arg(long, env = "KVARTAL_OPERATOR_IDENTITY_HOURS", value_name = "COUNT", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8760))]
    identity_hours: u64,
    /// Where databases answer, for an operator outside the cluster: host:port, with {database} in it.
    #[arg(long, env = "KVARTAL_OPERATOR_DATABASE_ADDRESS", value_name = "ADDRESS", hide = true)]
    database_address: Option<String>,
    /// How often everything is looked at though nothing changes, in seconds.
    #[arg(long, env = "KVARTAL_OPERATOR_RESYNC", value_name = "SECONDS", default_value_t = 600)]
    resync: u64,
    /// Address of probes and metrics.
    #[arg(long, env = "KVARTAL_OPERATOR_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: String,
    /// How Helm reaches the cluster, for an operator outside of it. The operator itself reads KUBECONFIG.
    #[arg(long, env = "KUBECONFIG", value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Crd => {
            print!("{}", serde_saphyr::to_string(&ServiceDatabase::crd())?);
            Ok(())
        }
        Command::Run(run) => work(*run).await,
        Command::Store(store) => store.run().await,
    }
}

async fn work(run: Run) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::builder().with_default_directive(tracing::Level::INFO.into());
    tracing_subscriber::fmt().json().with_env_filter(filter.from_env_lossy()).with_writer(std::io::stderr).init();
    let client = Client::try_default().await.context("the cluster cannot be reached")?;
    let (metrics, clock) = (Metrics::new()?, Arc::new(SystemClock));
    let stop = CancellationToken::new();
    let server = serve(&run.listen, metrics.clone(), stop.clone()).await?;
    let config = helm::Config {
        program: run.helm,
        chart: run.chart,
        home: run.helm_home,
        kubeconfig: run.kubeconfig,
        parallel: run.helm_parallel,
    };
    let helm = Helm::new(config, metrics.clone())?;
    let operator = Peer { name: MANAGER.to_owned(), namespace: run.namespace.clone() };
    let (image, timescaledb_image, own_image) = (run.image, run.timescaledb_image, run.own_image);
    let pull_secrets = run.pull_secrets;
    let defaults = Defaults { image, timescaledb_image, operator, pull_secrets, own_image };
    let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(run.identity.clone()) };
    let events = Recorder::new(client.clone(), reporter);
    let mut context =
        Context::new(client.clone(), helm, defaults, events, metrics.clone(), run.identity.clone(), clock.clone());
    context.database_address = run.database_address;
    context.resync = Duration::from_secs(run.resync);
    let issuer = Issuer {
        client: client.clone(),
        namespace: run.namespace.clone(),
        secret: "kvartal-authority".to_owned(),
        trust_domain: run.trust_domain,
        life: Duration::from_secs(run.identity_hours * 3600),
        clock: clock.clone(),
        metrics,
    };
    let namespaces = if run.watch.is_empty() { vec![run.namespace.clone()] } else { run.watch };
    let mut candidate = Candidate::new(client, &run.namespace, MANAGER, run.identity, clock);
    let mut ended = std::pin::pin!(signal());
    tokio::select! {
        () = candidate.acquire() => {}
        () = &mut ended => return Ok(()),
    }
    tracing::info!(?namespaces, "this operator works");
    let work = controller::run(Arc::new(context), Arc::new(issuer), &namespaces, stop.clone());
    let mut work = std::pin::pin!(work);
    let lost = tokio::select! {
        () = &mut work => anyhow::bail!("the loops ended"),
        () = candidate.keep() => true,
        () = &mut ended => false,
    };
    // Whoever has lost the lease may not write another word: another one works. Helm processes end by themselves.
    anyhow::ensure!(!lost, "the lease is lost");
    stop.cancel();
    tokio::select! {
        () = &mut work => {}
        () = candidate.keep() => anyhow::bail!("the lease is lost"),
    }
    server.await??;
    tokio::time::timeout(Duration::from_secs(5), candidate.release()).await.context("the lease cannot be given back")?
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => _ = tokio::signal::ctrl_c().await,
    }
}

async fn serve(
    address: &str,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<tokio::task::JoinHandle<std::io::Result<()>>> {
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| format!("--listen {address}"))?;
    let alive = || async { StatusCode::OK };
    let app = Router::new()
        .route("/livez", get(alive))
        // One that waits for the lease is ready, too: it is what the next one is for.
        .route("/readyz", get(alive))
        .route("/metrics", get(move || std::future::ready(metrics.text())));
    let serve = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    Ok(TaskTracker::new().spawn(serve.into_future()))
}
