//! Where calls go: one cluster for each service of the contract, one for pages, one for the guard, one for traces.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kvartal_contract::Contract;
use kvartal_mesh::server::Limits;
use serde_json::{Value, json};

use super::json::{extension, typed};
use super::settings::{Authority, Settings};
use super::tls;

/// The cluster of pages, health and keys.
pub(super) const PAGES: &str = "pages";
/// The cluster of the revocation service.
pub(super) const GUARD: &str = "revocations";
/// The cluster of the rate-limit service: the same processes. Its answers are waited for so shortly that late ones must not
/// tell against a process that calls cannot do without.
pub(super) const RATES: &str = "rate-limits";
/// The cluster of the collector of traces.
pub(super) const TRACES: &str = "traces";

/// Bytes of one connection that are held before its other side is slowed down.
pub(super) const CONNECTION_BUFFER: u32 = 32 * 1024;

/// All clusters that the settings ask for.
pub(super) fn clusters(contract: &Contract, settings: &Settings) -> Vec<Value> {
    // The first RPC service of each domain stands for its health: they are ready together.
    let mut domains = BTreeMap::new();
    for service in contract.services().filter(|service| !service.every_service) {
        domains.entry(service.domain.as_str()).or_insert(service.full_name.as_str());
    }
    let mut clusters: Vec<Value> = domains
        .into_iter()
        .map(|(domain, full_name)| {
            let mut cluster = judged(guarded(domain, &settings.upstream(domain)));
            cluster["health_checks"] = json!([health_check(full_name)]);
            if let Some(tls) = &settings.upstream_tls {
                cluster["transport_socket"] = tls::upstream(settings, tls, domain);
            }
            cluster
        })
        .collect();
    clusters.push(judged(beside(PAGES, &settings.pages)));
    if !settings.guard.is_empty() {
        for mut cluster in [judged(beside(GUARD, &settings.guard)), beside(RATES, &settings.guard)] {
            if let Some(tls) = &settings.upstream_tls {
                cluster["transport_socket"] = tls::upstream(settings, tls, kvartal_mesh::tls::EDGE);
            }
            clusters.push(cluster);
        }
    }
    if let Some(telemetry) = &settings.telemetry {
        let mut cluster = plain(TRACES, std::slice::from_ref(&telemetry.collector));
        cluster["connect_timeout"] = json!("2s");
        clusters.push(cluster);
    }
    clusters
}

/// What stands beside Envoy, at one address or at several.
fn beside(name: &str, authorities: &[Authority]) -> Value {
    let mut cluster = guarded(name, authorities);
    // All of its RPC services are ready together.
    cluster["health_checks"] = json!([health_check("")]);
    cluster
}

/// The same, but who fails several calls in a row gets none for a while.
fn judged(mut cluster: Value) -> Value {
    cluster["outlier_detection"] = outlier_detection();
    cluster
}

/// A cluster that speaks HTTP/2 and whose dead connections are found.
fn guarded(name: &str, authorities: &[Authority]) -> Value {
    let protocol = json!({
        "common_http_protocol_options": { "idle_timeout": "300s" },
        "explicit_http_config": { "http2_protocol_options": {
            "connection_keepalive": { "interval": "20s", "timeout": "5s" },
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
            "max_concurrent_streams": 100,
        }},
    });
    let kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let mut cluster = plain(name, authorities);
    cluster["typed_extension_protocol_options"] = json!({ kind: typed(kind, protocol) });
    cluster["circuit_breakers"] = circuit_breakers();
    cluster
}

fn plain(name: &str, authorities: &[Authority]) -> Value {
    let endpoint = |authority: &Authority| {
        let address = json!({ "address": authority.host, "port_value": authority.port });
        json!({ "endpoint": { "address": { "socket_address": address } } })
    };
    let endpoints: Vec<Value> = authorities.iter().map(endpoint).collect();
    let mut cluster = json!({
        "name": name,
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        // Streams make connections unequal: the least busy of two is better than the next in turn.
        "lb_policy": "LEAST_REQUEST",
        // Who is well is news at once: by default it may wait a second for more news, while calls go to who is not.
        "common_lb_config": { "update_merge_window": "0s" },
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
    });
    if authorities.iter().all(|authority| authority.host.parse::<IpAddr>().is_ok()) {
        cluster["type"] = json!("STATIC");
    } else {
        // A headless service has one address for each pod; a new pod is found within this time.
        cluster["cluster_type"] = extension(
            "envoy.clusters.dns",
            "envoy.extensions.clusters.dns.v3.DnsCluster",
            json!({
                "dns_refresh_rate": "5s",
                "dns_failure_refresh_rate": { "base_interval": "1s", "max_interval": "5s" },
                "dns_lookup_family": "V4_PREFERRED",
            }),
        );
    }
    cluster
}

/// As many calls as one process of a service takes, and no more than a tenth of them a second time: a service that is down
/// must not meet twice its load when it comes back. A few always may: a pod that goes takes several calls with it at once.
fn circuit_breakers() -> Value {
    let limits = Limits::default();
    json!({ "thresholds": [{
        "priority": "DEFAULT",
        "max_connections": 1024,
        "max_pending_requests": limits.calls_max,
        "max_requests": limits.calls_max + limits.streams_max,
        "retry_budget": { "budget_percent": { "value": 10 }, "min_retry_concurrency": 20 },
        "track_remaining": true,
    }]})
}

/// Made for services of two to five pods: half of them may be out, and one always may. Only UNAVAILABLE and broken
/// connections count: INTERNAL is the fault of one call, not of one pod.
fn outlier_detection() -> Value {
    json!({
        "split_external_local_origin_errors": true,
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 100,
        "consecutive_local_origin_failure": 5,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "5s",
        "max_ejection_time": "60s",
        "max_ejection_time_jitter": "1s",
        "max_ejection_percent": 50,
        "always_eject_one_host": true,
    })
}

/// Asks often even while nobody calls: the first call after a quiet night must not find out by itself.
fn health_check(service: &str) -> Value {
    json!({
        "timeout": "2s",
        "interval": "5s",
        "interval_jitter": "1s",
        "no_traffic_interval": "5s",
        "unhealthy_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "grpc_health_check": { "service_name": service },
    })
}
