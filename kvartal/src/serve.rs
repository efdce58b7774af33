//! `kvartal serve`: chosen services of the platform, for a cluster.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use clap::builder::{ArgPredicate, PossibleValuesParser};
use kvartal_gateway_grpc_web::{Edge, Options};
use kvartal_host::Runtime;
use kvartal_mesh::tls::{EDGE, HTTPS};

use crate::console::Console;
use crate::process::Ended;
use crate::services::{self, Configs};
use crate::{port, process, up};

/// Which services, and where.
#[derive(clap::Args, Clone)]
#[command(after_help = "Examples:
  kvartal help ca                                    how an installation gets its certificates
  head -c 32 /dev/urandom | base64 > mesh-key        or, without certificates, the key of an installation
  kvartal serve incident --database-url postgres://kvartal@db/{service} --bus-url amqp://bus --redis-url redis://cache \\
      --tls-dir /run/secrets/tls
  kvartal serve identity notification --tls-dir tls/{service} --peer incident=https://127.0.0.1:9092
  kvartal serve identity incident notification audit --edge --listen 127.0.0.1:9090 --database-url …
  kvartal serve audit --edge --peer identity=http://127.0.0.1:9091 --peer incident=http://127.0.0.1:9092 …
  kvartal serve incident --service-url k8s://city/{service}:grpc …
  kvartal serve --edge --service-url k8s://city/{service}:grpc …          the public port and no service

Every option can be given in the environment instead (see [env: …] below). Services of other processes are found by
--service-url, or --peer for a single one: one address or several with commas between, all addresses of a name
(dns://identity:9090), or the ready pods of a Kubernetes service (k8s://namespace/identity:grpc, the port by name or
number). With --tls-dir processes prove to each other who they are by certificates; without it by a shared --mesh-key-file,
and the wire must be trusted. Whether a call is allowed is in the contract. SIGTERM drains: no new calls, running ones
finish, within --shutdown-grace. A second signal quits at once.")]
pub(crate) struct Args {
    /// The services of this process; none with --edge alone.
    #[arg(required_unless_present = "edge", value_name = "SERVICE", value_parser = PossibleValuesParser::new(services::NAMES))]
    services: Vec<String>,
    /// Address for other services; without --tls-dir for probes and metrics too.
    #[arg(long, env = "KVARTAL_LISTEN", value_name = "ADDRESS:PORT", default_value = "0.0.0.0:9090")]
    listen: SocketAddr,
    /// Address for probes and metrics alone, without TLS. With --tls-dir 0.0.0.0:9091 by default: probes have no certificate.
    #[arg(
        long,
        env = "KVARTAL_PROBE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value_if("tls_dir", ArgPredicate::IsPresent, "0.0.0.0:9091")
    )]
    probe_listen: Option<SocketAddr>,
    /// Serve the public port too: gRPC, gRPC-Web, HTTP and the start page.
    #[arg(long, env = "KVARTAL_EDGE")]
    edge: bool,
    /// The public port, with --edge.
    #[arg(long, env = "KVARTAL_PORT", default_value_t = 8080)]
    port: u16,
    /// Address of the public port, with --edge.
    #[arg(long, env = "KVARTAL_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    address: IpAddr,
    /// Where a service of another process is, when --service-url does not fit it: http://, dns:// or k8s://. May be repeated, also for another replica of the same.
    #[arg(long, env = "KVARTAL_PEER", value_name = "NAME=URL", value_delimiter = ',', value_parser = parse_peer)]
    peer: Vec<(String, String)>,
    #[command(flatten)]
    public: up::Public,
    /// Offer /metrics on the public port too.
    #[arg(long, env = "KVARTAL_EDGE_METRICS")]
    edge_metrics: bool,
    #[command(flatten)]
    platform: kvartal_host::Config,
    #[command(flatten)]
    configs: Configs,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("services", &self.services).field("listen", &self.listen).finish_non_exhaustive()
    }
}

fn parse_peer(text: &str) -> Result<(String, String), String> {
    let (name, url) = text.split_once('=').ok_or("must look like identity=http://host:9090")?;
    if !services::NAMES.contains(&name) {
        return Err(format!("there is no service {name}; there are {}", services::NAMES.join(", ")));
    }
    Ok((name.to_owned(), url.to_owned()))
}

/// Runs until it is told to stop.
pub(crate) async fn run(args: Args, console: Console) -> anyhow::Result<Ended> {
    let mut platform =
        kvartal_host::Config { tls_names: names(&args), probe_listen: args.probe_listen, ..args.platform.clone() };
    if let [only] = &args.services[..] {
        platform.service_name.get_or_insert_with(|| only.clone());
    }
    check_peers(&args)?;
    process::run(
        console,
        Box::pin(Runtime::start(platform)),
        async |runtime| open(&args, runtime, console).await,
        |_| Ok(()),
    )
    .await
}

/// Whose certificates are needed: of the services, and of the edge if it calls services of other processes.
fn names(args: &Args) -> Vec<String> {
    let edge = args.edge && !peers(args).is_empty();
    args.services.iter().cloned().chain(edge.then(|| EDGE.to_owned())).collect()
}

fn check_peers(args: &Args) -> anyhow::Result<()> {
    let (tls, key) = (args.platform.tls_dir.is_some(), args.platform.mesh_key_file.is_some());
    for (name, url) in &args.peer {
        if url.starts_with(HTTPS) && !tls {
            anyhow::bail!("--peer {name}={url} needs --tls-dir: a certificate to call with");
        }
        if url.starts_with("http://") && tls && !key {
            anyhow::bail!("--peer {name}={url} must begin with https:// with --tls-dir");
        }
        if !tls && !key {
            anyhow::bail!(
                "--peer needs --tls-dir or --mesh-key-file, with which services of several processes know each other"
            );
        }
    }
    Ok(())
}

/// Where `--peer` says that a service is; several addresses when it says so more than once.
fn named(args: &Args, name: &str) -> Option<String> {
    let urls: Vec<_> = args.peer.iter().filter(|(peer, _)| peer == name).map(|(_, url)| url.as_str()).collect();
    (!urls.is_empty()).then(|| urls.join(","))
}

/// Where the services are that do not run here.
fn peers(args: &Args) -> Vec<(String, String)> {
    let absent = services::NAMES.into_iter().filter(|name| !args.services.iter().any(|service| service == name));
    absent
        .map(|name| {
            let url = named(args, name).unwrap_or_else(|| args.platform.service_url.replace("{service}", name));
            (name.to_owned(), url)
        })
        .collect()
}

async fn open(args: &Args, runtime: &Runtime, console: Console) -> anyhow::Result<()> {
    for name in services::NAMES {
        if let Some(url) = named(args, name) {
            runtime.directory().reach(name, &url).with_context(|| format!("--peer {name}={url}"))?;
        }
    }
    if let Some(probes) = runtime.probes() {
        console.fact("probes", probes);
    }
    let names: Vec<&str> = args.services.iter().map(String::as_str).collect();
    up::start_services(&names, runtime, &args.configs, console).await?;
    let internal = kvartal_host::listen(runtime, args.listen).await?;
    console.fact("internal", internal);
    if args.edge {
        let listener = port::listen(args.address, args.port, true).await?;
        let options = Options {
            public_url: args.platform.public_url.clone(),
            metrics: args.edge_metrics,
            peers: peers(args),
            ..args.public.options(runtime)
        };
        console.fact("public", listener.local_addr()?);
        up::serve_edge(runtime, Edge::new(runtime, options)?, listener);
    }
    Ok(())
}
