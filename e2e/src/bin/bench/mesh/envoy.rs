//! Two Envoys between caller and server, as a sidecar mesh has them: plain to the first, mutual TLS between them, plain to
//! the server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kvartal_testing::{Process, free_port};
use serde_json::{Value, json};

use super::wire::{CALLED, CALLER};
use crate::drive;

const START: Duration = Duration::from_secs(30);
const TYPES: &str = "type.googleapis.com/envoy.extensions";

/// The two of them.
pub(super) struct Pair {
    near: Process,
    far: Process,
    /// Where the caller finds the first.
    pub(super) url: String,
}

impl Pair {
    /// `server` is the address behind them.
    pub(super) async fn start(program: &Path, folder: &Path, server: &str, identities: Option<&Path>) -> Self {
        let (near, far) = (free_port(), free_port());
        let server: u16 = server.rsplit(':').next().unwrap().parse().unwrap();
        let of = |service| identities.map(|folder| folder.join(service));
        let accepts = of(CALLED).map(|folder| accepts(&folder));
        let connects = of(CALLER).map(|folder| connects(&folder));
        let far_side = spawn(program, folder, "far", &config(far, server, accepts, None));
        let near_side = spawn(program, folder, "near", &config(near, far, None, connects));
        let mut pair = Self { near: near_side, far: far_side, url: format!("http://127.0.0.1:{near}") };
        pair.far.wait_for_port(far, START).await;
        pair.near.wait_for_port(near, START).await;
        pair
    }

    pub(super) fn cpu(&self) -> Duration {
        drive::cpu(self.near.id()) + drive::cpu(self.far.id())
    }
}

fn spawn(program: &Path, folder: &Path, name: &str, config: &Value) -> Process {
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, config.to_string()).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(path).args(["--concurrency", "1", "--log-level", "warning"]);
    command.args(["--use-dynamic-base-id", "--disable-hot-restart"]);
    Process::spawn(command)
}

/// No access log, no tracing, no statistics by route: a proxy that does as little as it can.
fn config(listen: u16, next: u16, accepts: Option<Value>, connects: Option<Value>) -> Value {
    let many = 1_000_000;
    let http2 = json!({
        "@type": format!("{TYPES}.upstreams.http.v3.HttpProtocolOptions"),
        "explicit_http_config": { "http2_protocol_options": {} },
    });
    let manager = json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "mesh",
        "codec_type": "HTTP2",
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "next", "timeout": "0s" } }],
        }]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": format!("{TYPES}.filters.http.router.v3.Router") },
        }],
    });
    let mut chain = json!({ "filters": [{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }]});
    let mut cluster = json!({
        "name": "next",
        "type": "STATIC",
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
        "circuit_breakers": { "thresholds": [{ "max_requests": many, "max_pending_requests": many }] },
        "load_assignment": { "cluster_name": "next", "endpoints": [{ "lb_endpoints": [{
            "endpoint": { "address": address(next) },
        }]}]},
    });
    if let Some(accepts) = accepts {
        chain["transport_socket"] = accepts;
    }
    if let Some(connects) = connects {
        cluster["transport_socket"] = connects;
    }
    json!({ "static_resources": {
        "listeners": [{ "name": "in", "address": address(listen), "filter_chains": [chain] }],
        "clusters": [cluster],
    }})
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn accepts(folder: &Path) -> Value {
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"),
        "require_client_certificate": true,
        "common_tls_context": context(folder, CALLER),
    }})
}

fn connects(folder: &Path) -> Value {
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": format!("{TYPES}.transport_sockets.tls.v3.UpstreamTlsContext"),
        "common_tls_context": context(folder, CALLED),
    }})
}

/// The certificate in the folder, and whom it expects.
fn context(folder: &Path, expects: &str) -> Value {
    json!({
        "alpn_protocols": ["h2"],
        "tls_params": { "tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3" },
        "tls_certificates": [{
            "certificate_chain": { "filename": folder.join("tls.crt") },
            "private_key": { "filename": folder.join("tls.key") },
        }],
        "validation_context": {
            "trusted_ca": { "filename": folder.join("ca.crt") },
            "match_typed_subject_alt_names": [{
                "san_type": "URI",
                "matcher": { "exact": format!("spiffe://bench/{expects}") },
            }],
        },
    })
}
