//! The configuration of Envoy, derived from the contract: what runs at the public edge of a cluster.
//!
//! [`config`] is a pure function: the same contract and the same settings give the same configuration. Nothing that the
//! contract says is written here a second time. Order of the filters, outermost first:
//!
//! ```text
//! cors → grpc_web → local rate limit → REST transcoding → token → revocation → rate limit → statistics → body → router
//! ```
//!
//! REST calls become gRPC calls before anything asks who calls: so a REST path has the route, the deadline, the access
//! and the rate class of its RPC, and refusals of every filter after it arrive as JSON with their details.

mod clusters;
mod descriptors;
mod filters;
mod json;
mod listener;
mod replies;
mod routes;
mod server;
mod settings;
mod tls;

use kvartal_contract::Contract;
use serde_json::{Value, json};

pub use settings::{AccessLog, Authority, Settings, Telemetry, UpstreamTls};

/// The whole configuration (`envoy.config.bootstrap.v3.Bootstrap`) with static listeners and clusters.
pub fn config(contract: &Contract, settings: &Settings) -> Value {
    json!({
        "node": { "id": "gateway", "cluster": "kvartal-gateway" },
        "admin": server::admin(settings),
        "overload_manager": server::overload_manager(settings),
        "layered_runtime": server::runtime(),
        "stats_config": server::statistics(),
        "static_resources": {
            "listeners": [listener::listener(contract, settings)],
            "clusters": clusters::clusters(contract, settings),
        },
    })
}

/// The files beside the configuration, by name: where certificates are. Envoy watches them and the certificates' folder.
pub fn files(settings: &Settings) -> Vec<(&'static str, Value)> {
    tls::files(settings)
}

/// As Envoy and people read it.
///
/// # Errors
/// Never for what [`config`] and [`files`] give.
pub fn yaml(value: &Value) -> anyhow::Result<String> {
    Ok(serde_saphyr::to_string(value)?)
}
