//! What every request passes, outermost first; see the parent for the order and why.

use kvartal_contract::{Access, Contract};
use kvartal_mesh::auth::{AUDIENCE, ISSUER, KEYS_FRESH, LEEWAY, TOKEN_BYTES_MAX};
use serde_json::{Value, json};

use super::clusters::{GUARD, PAGES, RATES};
use super::json::{extension, seconds};
use super::settings::Settings;
use super::{descriptors, routes};
use crate::BODY_BYTES_MAX;
use crate::{ratelimit, rest};

/// Name of the token filter: where its findings are kept for the filters behind it.
pub(super) const JWT: &str = "envoy.filters.http.jwt_authn";
/// Under which key.
pub(super) const CLAIMS: &str = "claims";
/// A token must be shown.
pub(super) const REQUIRED: &str = "required";
/// A token need not be shown, but a wrong one is refused.
pub(super) const OPTIONAL: &str = "optional";

/// Messages of services may be larger than requests: lists, feeds.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Requests that one process of Envoy takes from everybody together, in a second.
const REQUESTS_PER_SECOND: u32 = 10_000;

/// All filters.
pub(super) fn filters(contract: &Contract, settings: &Settings) -> Vec<Value> {
    let mut filters = vec![
        extension("envoy.filters.http.cors", "envoy.extensions.filters.http.cors.v3.Cors", json!({})),
        extension("envoy.filters.http.grpc_web", "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb", json!({})),
        local_rate_limit(),
        transcoder(contract),
        token(),
    ];
    if settings.looks_up() {
        filters.push(revocation());
    }
    if settings.counts() {
        filters.push(rate_limit());
    }
    filters.extend([
        statistics(contract),
        // Last: who is refused does not get memory for a body. Services see a request only when it is there as a whole,
        // so nobody holds them up by sending slowly.
        extension(
            "envoy.filters.http.buffer",
            "envoy.extensions.filters.http.buffer.v3.Buffer",
            json!({ "max_request_bytes": BODY_BYTES_MAX }),
        ),
        extension(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            json!({ "suppress_envoy_headers": true }),
        ),
    ]);
    filters
}

/// A ceiling for everybody together, without asking anyone.
fn local_rate_limit() -> Value {
    let all = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    extension(
        "envoy.filters.http.local_ratelimit",
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        json!({
            "stat_prefix": "public",
            "token_bucket": {
                "max_tokens": 2 * REQUESTS_PER_SECOND,
                "tokens_per_fill": REQUESTS_PER_SECOND / 10,
                "fill_interval": "0.1s",
            },
            "filter_enabled": all,
            "filter_enforced": all,
            "rate_limited_as_resource_exhausted": true,
        }),
    )
}

/// REST and JSON for every RPC with an http rule.
fn transcoder(contract: &Contract) -> Value {
    let services: Vec<&str> = contract.services().map(|service| service.full_name.as_str()).collect();
    extension(
        "envoy.filters.http.grpc_json_transcoder",
        "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        json!({
            "proto_descriptor_bin": descriptors::encoded(contract),
            "services": services,
            // As the in-process edge writes them.
            "print_options": {
                "always_print_primitive_fields": rest::ALWAYS_PRINT_PRIMITIVE_FIELDS,
                "always_print_enums_as_ints": rest::ALWAYS_PRINT_ENUMS_AS_INTS,
                "preserve_proto_field_names": rest::PRESERVE_FIELD_NAMES,
                "stream_newline_delimited": true,
            },
            "convert_grpc_status": true,
            "url_unescape_spec": "ALL_CHARACTERS_EXCEPT_RESERVED",
            // Paths that are no RPC's are pages; what an RPC does not know is an error.
            "request_validation_options": {
                "reject_unknown_query_parameters": true,
                "reject_binding_body_field_collisions": true,
            },
            // Not the buffer of a connection, which is far smaller.
            "max_request_body_size": BODY_BYTES_MAX,
            "max_response_body_size": ANSWER_BYTES_MAX,
        }),
    )
}

/// Access tokens. Services verify them again: they believe nobody. Envoy cannot look at the token's `typ`; they do.
fn token() -> Value {
    let provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "require_expiration": true,
        "clock_skew_seconds": LEEWAY.as_secs(),
        "forward": true,
        "payload_in_metadata": CLAIMS,
        "from_headers": [{ "name": "authorization", "value_prefix": "Bearer " }],
        "jwt_cache_config": { "jwt_cache_size": 10_000, "jwt_max_token_size": TOKEN_BYTES_MAX },
        "remote_jwks": {
            "http_uri": { "uri": "http://pages/.well-known/jwks.json", "cluster": PAGES, "timeout": "3s" },
            // Identity shows a new key longer than this before it signs with it.
            "cache_duration": seconds(KEYS_FRESH),
            "async_fetch": { "failed_refetch_duration": "1s" },
            "retry_policy": { "num_retries": 2 },
        },
    });
    let ours = json!({ "provider_name": "kvartal" });
    extension(
        JWT,
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        json!({
            "providers": { "kvartal": provider },
            "rules": [{ "match": { "prefix": "/" }, "requirement_name": OPTIONAL }],
            "requirement_map": {
                REQUIRED: ours,
                OPTIONAL: { "requires_any": { "requirements": [ours, { "allow_missing": {} }] } },
            },
            "bypass_cors_preflight": true,
        }),
    )
}

/// What the contract asks of the token of a call.
pub(super) fn token_rule(access: Access) -> Value {
    let rule = match access {
        Access::Authenticated | Access::Roles(_) => json!({ "requirement_name": REQUIRED }),
        Access::Public => json!({ "requirement_name": OPTIONAL }),
        // Refused whoever asks.
        Access::Internal => json!({ "disabled": true }),
    };
    super::json::typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", rule)
}

/// Whether the session of a good token still stands. The guard verifies the token again, and is shown nothing else of the
/// request than what it needs for that and for an answer in the caller's own terms.
fn revocation() -> Value {
    extension(
        "envoy.filters.http.ext_authz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        json!({
            "transport_api_version": "V3",
            "grpc_service": {
                "envoy_grpc": { "cluster_name": GUARD },
                "timeout": seconds(routes::GUARD_TIMEOUT),
                "retry_policy": routes::unless_taken_up("unavailable"),
            },
            "failure_mode_allow": false,
            "status_on_error": { "code": "ServiceUnavailable" },
            "metadata_context_namespaces": [JWT],
            "filter_enabled_metadata": {
                "filter": JWT,
                "path": [{ "key": CLAIMS }, { "key": "sub" }],
                "value": { "present_match": true },
            },
            "allowed_headers": { "patterns": [{ "exact": "authorization" }, { "exact": "content-type" }] },
        }),
    )
}

/// Counts calls by the rate class of the RPC and by caller.
fn rate_limit() -> Value {
    extension(
        "envoy.filters.http.ratelimit",
        "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
        json!({
            "domain": ratelimit::DOMAIN,
            "timeout": "0.05s",
            "failure_mode_deny": false,
            "rate_limited_as_resource_exhausted": true,
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": {
                    "envoy_grpc": { "cluster_name": RATES },
                    // A call is counted once: only who was not reached is asked again.
                    "retry_policy": routes::unless_taken_up(""),
                },
            },
        }),
    )
}

/// Counters for the RPCs of the contract only: names that a client invents make none.
fn statistics(contract: &Contract) -> Value {
    let services: Vec<Value> = contract
        .services()
        .map(|service| {
            let methods: Vec<&str> = service.methods.iter().filter_map(|path| path.rsplit('/').next()).collect();
            json!({ "name": service.full_name, "method_names": methods })
        })
        .collect();
    extension(
        "envoy.filters.http.grpc_stats",
        "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
        json!({
            "emit_filter_state": true,
            "enable_upstream_stats": true,
            "individual_method_stats_allowlist": { "services": services },
        }),
    )
}
