//! Where the suite's service can be called.

use std::net::SocketAddr;

use anyhow::Context as _;
use kvartal_gateway_grpc_web::envoy::{self, Settings};
use kvartal_gateway_grpc_web::{Edge, Options};
use kvartal_host::{Config, Runtime, Service};
use kvartal_mesh::server::Listen;
use kvartal_testing::{Envoy, free_port};
use tokio::net::TcpListener;

use super::NAME;
use super::pb::conformance_service_server::ConformanceServiceServer;
use super::service::Conformance;
use super::trailers::WithTrailers;

/// What stands before the service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Front {
    /// Nothing: the port at which other services call, HTTP/2 only as it is where services have certificates.
    Inner,
    /// The edge inside the process.
    Edge,
    /// The real Envoy, with the configuration that the suite's contract gives.
    Envoy,
}

impl Front {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Inner, Self::Edge, Self::Envoy];

    /// `inner`, `edge`, `envoy`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Edge => "edge",
            Self::Envoy => "envoy",
        }
    }

    /// The front of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|front| front.name() == name)
    }
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    envoy: Option<Envoy>,
    runtime: Runtime,
    _data: tempfile::TempDir,
}

impl Server {
    /// Starts one. `message_bytes_max` bounds the messages that the service takes; without it tonic's own limit does.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn start(front: Front, message_bytes_max: Option<usize>) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        // What the suite does on purpose must not fill its output, nor be too often.
        let config = Config { log: "off".to_owned(), rate_factor: 1_000_000, ..Config::embedded(data.path()) };
        let runtime = Runtime::start_with_contract(config, super::contract()).await?;
        let store = runtime.store(NAME, Vec::new()).await?;
        let mut server = ConformanceServiceServer::new(Conformance);
        if let Some(most) = message_bytes_max {
            server = server.max_decoding_message_size(most);
        }
        runtime.serve(Service::new(NAME, store).grpc(WithTrailers(server))).await?;
        runtime.health().started().await;
        let (address, envoy) = match front {
            Front::Inner => (inner(&runtime).await?, None),
            Front::Edge => (edge(&runtime, Options::default()).await?, None),
            Front::Envoy => {
                let (address, envoy) = behind_envoy(&runtime).await?;
                (address, Some(envoy))
            }
        };
        Ok(Self { address, envoy, runtime, _data: data })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub async fn stop(self) {
        if let Some(envoy) = self.envoy {
            envoy.stop().await;
        }
        self.runtime.shutdown().await;
    }
}

async fn bound() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn inner(runtime: &Runtime) -> anyhow::Result<SocketAddr> {
    let service = runtime.services().into_iter().next().context("no service runs")?;
    let routes = kvartal_host::operations(runtime).fallback_service(service.grpc);
    let (listener, address) = bound().await?;
    let served = kvartal_mesh::server::serve(listener, routes, Listen::default(), runtime.stop());
    runtime.spawn("listener", async move { served.await.expect("the inner port is served") });
    Ok(address)
}

async fn edge(runtime: &Runtime, options: Options) -> anyhow::Result<SocketAddr> {
    let edge = Edge::new(runtime, options)?;
    let (listener, address) = bound().await?;
    let stop = runtime.stop();
    runtime.spawn("edge", async move { edge.serve(listener, stop).await.expect("the edge is served") });
    Ok(address)
}

/// As in a cluster: the service on one port, pages on another.
async fn behind_envoy(runtime: &Runtime) -> anyhow::Result<(SocketAddr, Envoy)> {
    let service = kvartal_host::listen(runtime, "127.0.0.1:0".parse()?).await?;
    let mut settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
        admin: SocketAddr::from(([127, 0, 0, 1], free_port())),
        access_log: envoy::AccessLog::Off,
        ..Settings::default()
    };
    settings.upstreams.insert(NAME.to_owned(), vec![service.into()]);
    settings.pages = vec![edge(runtime, Options { trusted_proxies: 1, ..Options::default() }).await?.into()];
    let config = envoy::yaml(&envoy::config(super::contract(), &settings))?;
    Ok((settings.listen, Envoy::start(&config, settings.admin.port()).await))
}
