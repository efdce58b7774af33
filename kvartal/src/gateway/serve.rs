//! `kvartal gateway serve`: the services that Envoy asks about every request.

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::builder::ArgPredicate;
use kvartal_host::Runtime;
use kvartal_mesh::tls::EDGE;

use crate::console::Console;
use crate::process::{self, Ended};

/// Where, and what they stand on.
#[derive(clap::Args, Clone)]
#[command(after_help = "Examples:
  kvartal gateway serve --redis-url redis://cache --tls-dir tls/gateway
  kvartal gateway serve --redis-url redis://cache --mesh-key-file /run/secrets/mesh-key
  kvartal gateway serve --listen 0.0.0.0:9191 --rate-shadow --identity-url http://127.0.0.1:9091 …

Offers envoy.service.ratelimit.v3.RateLimitService and envoy.service.auth.v3.Authorization, grpc.health.v1, /healthz and
/metrics. Redis is where the services announce revocations and where all edges count together; the identity service is
asked for the keys that verify access tokens, which needs certificates or the mesh key. With --tls-dir everything here is
TLS, and Envoy needs --upstream-tls.")]
pub(crate) struct Args {
    /// Address for Envoy; without --tls-dir for probes and metrics too.
    #[arg(long, env = "KVARTAL_GATEWAY_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9191")]
    listen: SocketAddr,
    /// Address for probes and metrics alone, without TLS. With --tls-dir 0.0.0.0:9192 by default: probes have no certificate.
    #[arg(
        long,
        env = "KVARTAL_GATEWAY_PROBE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value_if("tls_dir", ArgPredicate::IsPresent, "0.0.0.0:9192")
    )]
    probe_listen: Option<SocketAddr>,
    /// Count who comes too often and refuse nobody; for trying rates out.
    #[arg(long, env = "KVARTAL_RATE_SHADOW")]
    rate_shadow: bool,
    /// Where the identity service answers, when --service-url does not fit it.
    #[arg(long, env = "KVARTAL_IDENTITY_URL", value_name = "URL")]
    identity_url: Option<String>,
    #[command(flatten)]
    platform: kvartal_host::Config,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("listen", &self.listen).field("shadow", &self.rate_shadow).finish_non_exhaustive()
    }
}

/// Runs until it is told to stop.
pub(crate) async fn run(args: Args, console: Console) -> anyhow::Result<Ended> {
    if args.platform.redis_url()?.is_none() {
        anyhow::bail!("--redis-url is missing: the services announce revoked sessions there");
    }
    if args.platform.mesh_key_file.is_none() && args.platform.tls_dir.is_none() {
        anyhow::bail!(
            "--tls-dir or --mesh-key-file is missing: without one identity cannot be asked for the keys of access tokens"
        );
    }
    let platform = kvartal_host::Config {
        tls_names: vec![EDGE.to_owned()],
        probe_listen: args.probe_listen,
        ..args.platform.clone()
    };
    let start = Box::pin(Runtime::start_without_events(platform));
    process::run(console, start, async |runtime| open(&args, runtime, console).await, |_| Ok(())).await
}

async fn open(args: &Args, runtime: &Runtime, console: Console) -> anyhow::Result<()> {
    if let Some(url) = &args.identity_url {
        runtime.directory().reach("identity", url).with_context(|| format!("--identity-url {url}"))?;
    }
    let bound = kvartal_gateway_grpc_web::serve_beside_envoy(runtime, args.listen, args.rate_shadow).await?;
    console.fact("for Envoy", bound);
    if let Some(probes) = runtime.probes() {
        console.fact("probes", probes);
    }
    Ok(())
}
