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
use tonic::Status;
use tower::ServiceExt;

use crate::runtime::Runtime;
use crate::tasks::Phase;

/// Serves the runtime's services on `address` until it shuts down; returns the bound address. Call it when every service
/// is registered.
///
/// gRPC (also `grpc.health.v1`) and the services' HTTP routes share the port with `/healthz` (JSON, 503 when not ready),
/// `/livez` (200 while the process answers) and `/metrics`. With identities everything here is TLS with certificates on both
/// sides; who has none, such as the probes of a cluster, is served by [`listen_for_probes`].
pub async fn listen(runtime: &Runtime, address: SocketAddr) -> anyhow::Result<SocketAddr> {
    let tls = runtime.identities().cloned().map(Tls::new);
    // Calls from outside come through the edge, which appends the address it saw; services call directly, without it.
    let how = Listen { http1: tls.is_none(), trusted_proxies: 1, tls, ..grace(runtime) };
    let bound = open(runtime, "listener", address, routes(runtime), how).await?;
    tracing::info!(address = %bound, tls = runtime.identities().is_some(), "listening");
    Ok(bound)
}

/// Serves `/healthz`, `/livez`, `/metrics` and `grpc.health.v1` on a plain socket, and nothing else. It may be called before
/// any service is registered: then the process is alive and not ready.
pub async fn listen_for_probes(runtime: &Runtime, address: SocketAddr) -> anyhow::Result<SocketAddr> {
    // The library says that a process of which it has heard nothing serves.
    runtime.health().publish().await;
    let how = Listen { http1: true, connections_max: 100, ..grace(runtime) };
    open(runtime, "probe listener", address, with_health(runtime, operations(runtime)), how).await
}

fn grace(runtime: &Runtime) -> Listen {
    Listen { grace: runtime.config().shutdown_grace, ..Listen::default() }
}

async fn open(
    runtime: &Runtime,
    task: &'static str,
    address: SocketAddr,
    routes: Router,
    how: Listen,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    let served = kvartal_mesh::server::serve(listener, routes, how, runtime.stop());
    runtime.spawn_in(task, Phase::Calls, async move {
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
    with_health(runtime, routes)
}

fn with_health(runtime: &Runtime, routes: Router) -> Router {
    let health = runtime.health().grpc().map_request(|request: Request| request.map(tonic::body::Body::new));
    routes.route_service("/grpc.health.v1.Health/{*method}", health).fallback(unknown)
}

/// `/healthz`, `/livez` and `/metrics`, for whoever looks after the process.
pub fn operations(runtime: &Runtime) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/metrics", get(metrics))
        .with_state(runtime.clone())
}

async fn healthz(State(runtime): State<Runtime>) -> Response {
    let status = if runtime.health().ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(runtime.health().report())).into_response()
}

async fn metrics(State(runtime): State<Runtime>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], runtime.metrics()).into_response()
}

async fn unknown(request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|kind| kind.starts_with("application/grpc")) {
        return Status::unimplemented("there is no such service here").into_http::<axum::body::Body>();
    }
    (StatusCode::NOT_FOUND, "there is nothing here\n").into_response()
}
