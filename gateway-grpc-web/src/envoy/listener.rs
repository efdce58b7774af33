//! The public port: connections, HTTP, the access log.

use kvartal_contract::Contract;
use serde_json::{Value, json};

use super::clusters::{CONNECTION_BUFFER, TRACES};
use super::json::{extension, typed};
use super::settings::{AccessLog, Settings, Telemetry};
use super::{filters, replies, routes, tls};

/// The listener with everything behind it.
pub(super) fn listener(contract: &Contract, settings: &Settings) -> Value {
    let manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        connection_manager(contract, settings),
    );
    let mut chain = json!({ "filters": [manager] });
    if settings.tls.is_some() {
        chain["transport_socket"] = tls::public(settings);
        chain["transport_socket_connect_timeout"] = json!("10s");
    }
    let address = json!({ "address": settings.listen.ip().to_string(), "port_value": settings.listen.port() });
    let mut listener = json!({
        "name": "public",
        "address": { "socket_address": address },
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        "filter_chains": [chain],
    });
    if settings.tls.is_some() {
        let inspector = extension(
            "envoy.filters.listener.tls_inspector",
            "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            json!({}),
        );
        listener["listener_filters"] = json!([inspector]);
    }
    listener
}

fn connection_manager(contract: &Contract, settings: &Settings) -> Value {
    let mut manager = json!({
        "stat_prefix": "public",
        "codec_type": "AUTO",
        "server_name": "kvartal",
        // The address of a caller is the connection's, or what our own proxies say; nobody is trusted for its address.
        "use_remote_address": true,
        "xff_num_trusted_hops": settings.trusted_proxies,
        "internal_address_config": { "unix_sockets": false },
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "strip_any_host_port": true,
        "request_timeout": "300s",
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "300s",
        "delayed_close_timeout": "5s",
        "drain_timeout": "5s",
        "max_request_headers_kb": 16,
        "common_http_protocol_options": {
            "idle_timeout": "3600s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
            "connection_keepalive": { "interval": "30s", "timeout": "20s" },
        },
        "early_header_mutation_extensions": [strip(settings)],
        "http_filters": filters::filters(contract, settings),
        "route_config": routes::routes(contract, settings),
        "local_reply_config": replies::local_replies(),
        "access_log": access_log(&settings.access_log),
    });
    if let Some(telemetry) = &settings.telemetry {
        manager["tracing"] = tracing(telemetry);
    }
    manager
}

/// Removes what only our own processes may say, before anything reads it.
fn strip(settings: &Settings) -> Value {
    let private = json!({ "key_matcher": { "prefix": crate::headers::PRIVATE_PREFIX } });
    let mut mutations = vec![json!({ "remove_on_match": private })];
    if settings.telemetry.is_none() {
        // Who is not traced here must not make others trace.
        mutations.extend(["traceparent", "tracestate"].map(|name| json!({ "remove": name })));
    }
    extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        json!({ "mutations": mutations }),
    )
}

/// Joins the caller's trace, but decides by itself what is recorded: the caller's own wish is no reason to work for it.
fn tracing(telemetry: &Telemetry) -> Value {
    let base = "envoy.extensions.tracers.opentelemetry.samplers.v3";
    let sampler = if telemetry.sampled_percent >= 100 {
        extension("envoy.tracers.opentelemetry.samplers.always_on", &format!("{base}.AlwaysOnSamplerConfig"), json!({}))
    } else {
        let part = json!({ "numerator": telemetry.sampled_percent, "denominator": "HUNDRED" });
        extension(
            "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
            &format!("{base}.TraceIdRatioBasedSamplerConfig"),
            json!({ "sampling_percentage": part }),
        )
    };
    let uri = format!("http://{}/v1/traces", telemetry.collector);
    let provider = json!({
        "service_name": "gateway",
        "http_service": { "http_uri": { "uri": uri, "cluster": TRACES, "timeout": "5s" } },
        "sampler": sampler,
    });
    json!({
        "spawn_upstream_span": true,
        "random_sampling": { "value": 100 },
        "client_sampling": { "value": 0 },
        // The name of the span says enough; in paths and queries stands people's data.
        "max_path_tag_length": 1,
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": typed("envoy.config.trace.v3.OpenTelemetryConfig", provider),
        },
    })
}

/// One JSON object for each request. No header that grants power, and no query: people's data stands there.
fn access_log(log: &AccessLog) -> Value {
    let line = json!({
        "time": "%START_TIME%",
        "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "upstream_ms": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "service": "%UPSTREAM_CLUSTER%",
        "upstream": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "user_agent": "%REQ(USER-AGENT)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "trace_id": "%TRACE_ID%",
    });
    let format = json!({ "json_format": line });
    match log {
        AccessLog::Off => json!([]),
        AccessLog::Stdout => json!([extension(
            "envoy.access_loggers.stdout",
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            json!({ "log_format": format }),
        )]),
        AccessLog::File(path) => json!([extension(
            "envoy.access_loggers.file",
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            json!({ "path": path, "log_format": format }),
        )]),
    }
}
