//! The socket of a process that serves single services: gRPC for other services and the edge, HTTP for operators.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use kvartal_mesh::server::{Listen, Tls};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tower::ServiceExt;

use crate::config::Config;
use crate::health::Health;
use crate::runtime::Runtime;
use crate::tasks::{Phase, Tasks};
use crate::telemetry::Telemetry;

/// Serves the runtime's services on `address` until it shuts down; returns the bound address. Call it when every service
/// is registered.
///
/// gRPC (also `grpc.health.v1`) and the services' HTTP routes share the port with `/healthz` (JSON, 503 when not ready),
/// `/livez` (200 while the process answers) and `/metrics`. With identities everything here is TLS with certificates on both
/// sides; who has none, such as the probes of a cluster, has [`Config::probe_listen`].
pub async fn listen(runtime: &Runtime, address: SocketAddr) -> anyhow::Result<SocketAddr> {
    let tls = runtime.identities().cloned().map(Tls::new);
    // Calls from outside come through the edge, which appends the address it saw; services call directly, without it.
    let how = Listen { http1: tls.is_none(), trusted_proxies: 1, tls, ..grace(runtime.config()) };
    let bound = open(&runtime.0.tasks, runtime.stop(), "listener", address, routes(runtime), how).await?;
    tracing::info!(address = %bound, tls = runtime.identities().is_some(), "listening");
    Ok(bound)
}

/// Serves `/healthz`, `/livez`, `/metrics` and `grpc.health.v1` on a plain socket, and nothing else, where the configuration
/// asks for it; returns the bound address.
pub(crate) async fn for_probes(
    config: &Config,
    telemetry: &'static Telemetry,
    health: &Health,
    tasks: &Tasks,
    stop: &CancellationToken,
) -> anyhow::Result<Option<SocketAddr>> {
    let Some(address) = config.probe_listen else { return Ok(None) };
    // The library says that a process of which it has heard nothing serves.
    health.publish().await;
    let how = Listen { http1: true, connections_max: 100, ..grace(config) };
    let routes = with_health(health, Operations { health: health.clone(), telemetry }.routes());
    open(tasks, stop.clone(), "probe listener", address, routes, how).await.map(Some)
}

fn grace(config: &Config) -> Listen {
    Listen { grace: config.shutdown_grace, ..Listen::default() }
}

async fn open(
    tasks: &Tasks,
    stop: CancellationToken,
    task: &'static str,
    address: SocketAddr,
    routes: Router,
    how: Listen,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    let served = kvartal_mesh::server::serve(listener, routes, how, stop);
    tasks.spawn(task, Phase::Calls, async move {
        if let Err(error) = served.await {
            tracing::error!(%bound, error = error.chain(), "a listener ended");
        }
    });
    Ok(bound)
}

/// Everything the socket answers.
fn routes(runtime: &Runtime) -> Router {
    let mut routes = operations(runtime);
    for service in runtime.services() {
        for full_name in &service.full_names {
            routes = routes.route_service(&format!("/{full_name}/{{*method}}"), service.grpc.clone());
        }
        routes = routes.merge(service.http);
    }
    with_health(runtime.health(), routes)
}

fn with_health(health: &Health, routes: Router) -> Router {
    let health = health.grpc().map_request(|request: Request| request.map(tonic::body::Body::new));
    routes.route_service("/grpc.health.v1.Health/{*method}", health).fallback(unknown)
}

/// `/healthz`, `/livez` and `/metrics`, for whoever looks after the process.
pub fn operations(runtime: &Runtime) -> Router {
    Operations { health: runtime.health().clone(), telemetry: runtime.0.telemetry }.routes()
}

/// What they look at; it is there before the runtime is.
#[derive(Clone)]
struct Operations {
    health: Health,
    telemetry: &'static Telemetry,
}

impl Operations {
    fn routes(self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/livez", get(|| async { "alive\n" }))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

async fn healthz(State(Operations { health, .. }): State<Operations>) -> Response {
    let status = if health.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(health.report())).into_response()
}

async fn metrics(State(Operations { telemetry, .. }): State<Operations>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry.metrics()).into_response()
}

async fn unknown(request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|kind| kind.starts_with("application/grpc")) {
        return Status::unimplemented("there is no such service here").into_http::<axum::body::Body>();
    }
    (StatusCode::NOT_FOUND, "there is nothing here\n").into_response()
}
