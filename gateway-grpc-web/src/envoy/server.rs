//! What belongs to the whole process: administration, protection against overload, statistics.

use serde_json::{Value, json};

use super::json::{extension, typed};
use super::settings::Settings;

/// Whoever reaches the administration page may stop Envoy; it does not leave the machine.
pub(super) fn admin(settings: &Settings) -> Value {
    let address = json!({ "address": settings.admin.ip().to_string(), "port_value": settings.admin.port() });
    json!({ "address": { "socket_address": address } })
}

/// The nearer memory comes to its limit, the more is given up: kept-alive connections, then waiting time, then the largest
/// streams, then new work. The steps are those of Envoy's advice for edges.
pub(super) fn overload_manager(settings: &Settings) -> Value {
    let memory = extension(
        "envoy.resource_monitors.fixed_heap",
        "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
        json!({ "max_heap_size_bytes": settings.heap_bytes }),
    );
    let connections = extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        json!({ "max_active_downstream_connections": settings.connections_max }),
    );
    let above = |value: f64| json!([{ "name": "envoy.resource_monitors.fixed_heap", "threshold": { "value": value } }]);
    let between = |from: f64, to: f64| {
        let scaled = json!({ "scaling_threshold": from, "saturation_threshold": to });
        json!([{ "name": "envoy.resource_monitors.fixed_heap", "scaled": scaled }])
    };
    let timers = json!({ "timer_scale_factors": [
        { "timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "2s" },
    ]});
    json!({
        "refresh_interval": "0.25s",
        "resource_monitors": [memory, connections],
        "buffer_factory_config": { "minimum_account_to_track_power_of_two": 20 },
        "actions": [
            {
                "name": "envoy.overload_actions.reduce_timeouts",
                "triggers": between(0.85, 0.95),
                "typed_config": typed("envoy.config.overload.v3.ScaleTimersOverloadActionConfig", timers),
            },
            { "name": "envoy.overload_actions.disable_http_keepalive", "triggers": above(0.92) },
            { "name": "envoy.overload_actions.reset_high_memory_stream", "triggers": between(0.92, 0.98) },
            { "name": "envoy.overload_actions.shrink_heap", "triggers": above(0.95) },
            { "name": "envoy.overload_actions.stop_accepting_requests", "triggers": above(0.98) },
        ],
        "loadshed_points": [
            { "name": "envoy.load_shed_points.tcp_listener_accept", "triggers": above(0.95) },
            { "name": "envoy.load_shed_points.http_connection_manager_decode_headers", "triggers": above(0.95) },
            { "name": "envoy.load_shed_points.http2_server_go_away_on_dispatch", "triggers": above(0.95) },
            { "name": "envoy.load_shed_points.hcm_ondata_creating_codec", "triggers": above(0.95) },
            { "name": "envoy.load_shed_points.connection_pool_new_connection", "triggers": above(0.97) },
        ],
    })
}

/// Streams that are opened and reset at once cost the client its connection (rapid reset). The last one lets the caller
/// of a rate limit be written as a format.
pub(super) fn runtime() -> Value {
    json!({ "layers": [{ "name": "static", "static_layer": {
        "http.max_requests_per_io_cycle": 10,
        "overload.premature_reset_total_stream_count": 500,
        "overload.premature_reset_min_stream_lifetime_seconds": 1,
        "envoy.reloadable_features.enable_formatter_for_ratelimit_action_descriptor_value": true,
    }}]})
}

/// Latencies in milliseconds, down to what a call inside a data centre takes.
pub(super) fn statistics() -> Value {
    json!({ "histogram_bucket_settings": [{
        "match": { "suffix": "_time" },
        "buckets": [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000],
    }]})
}
