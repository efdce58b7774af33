//! The services that Envoy asks about every request, on one port.

use std::net::SocketAddr;

use anyhow::Context as _;
use kvartal_host::Runtime;
use kvartal_mesh::rate::RateNumbers;
use kvartal_mesh::server::{Listen, Tls};
use tokio::net::TcpListener;
use tonic::server::NamedService as _;
use tonic::service::Routes;

use crate::authz::Authz;
use crate::protocol::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use crate::protocol::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use crate::ratelimit::RateLimits;

/// Serves rate limits and authorization to Envoy on `address` until the runtime stops; returns the bound address. The port
/// also answers `grpc.health.v1`, `/healthz`, `/livez` and `/metrics`. With identities it is TLS with certificates on both
/// sides: tokens pass here. In the shadow, callers are counted and never refused for coming too often.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_beside_envoy(runtime: &Runtime, address: SocketAddr, shadow: bool) -> anyhow::Result<SocketAddr> {
    // Envoy asks as soon as there is somebody, and waits for a moment only. Whoever has no keys refuses tokens until there are
    // some; requests without a token pass. The log says why.
    let _ = runtime.verifier().prepare().await;
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    let numbers = RateNumbers::default().times(runtime.config().rate_factor);
    let mut routes = Routes::builder();
    routes
        .add_service(RateLimits::new(runtime.limiter(), numbers, shadow).server())
        .add_service(Authz::new(runtime.verifier()).server())
        .add_service(runtime.health().grpc());
    let names = [AuthorizationServer::<Authz>::NAME, RateLimitServiceServer::<RateLimits>::NAME];
    runtime.health().register("gateway", names.map(str::to_owned).to_vec()).await;
    let routes = routes.routes().into_axum_router().merge(kvartal_host::operations(runtime));
    let tls = runtime.identities().cloned().map(Tls::new);
    let how = Listen { http1: tls.is_none(), grace: runtime.config().shutdown_grace, tls, ..Listen::default() };
    let served = kvartal_mesh::server::serve(listener, routes, how, runtime.stop());
    runtime.spawn("gateway", async move {
        if let Err(error) = served.await {
            tracing::error!(%bound, error = error.chain(), "the listener ended");
        }
    });
    tracing::info!(address = %bound, shadow, "Envoy is served");
    Ok(bound)
}
