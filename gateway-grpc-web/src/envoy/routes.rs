//! One route for each RPC of the contract, then those that are not RPCs.

use std::time::Duration;

use kvartal_contract::{Access, Contract, Idempotency, Method, RateClass};
use kvartal_mesh::rate::class_name;
use serde_json::{Map, Value, json};

use super::clusters::PAGES;
use super::filters::{self, CLAIMS, JWT};
use super::json::{default_header, overwrite, seconds, typed};
use super::settings::Settings;
use crate::{backend, headers};

/// How long the revocation service may take. It answers from memory; this is for one that has just started on a machine
/// that is busy, since what is not answered is refused.
pub(super) const GUARD_TIMEOUT: Duration = Duration::from_secs(1);
/// A stream on which nothing comes for this long has lost its other side; services send something more often.
const STREAM_IDLE: Duration = Duration::from_secs(300);
/// As the pages' own limit, and a little more, so that theirs is the one that is seen.
const PAGE_TIMEOUT: Duration = Duration::from_secs(35);

/// The routes of the public port.
pub(super) fn routes(contract: &Contract, settings: &Settings) -> Value {
    let mut routes: Vec<Value> = contract.methods().map(|method| route(method, settings)).collect();
    routes.extend(backend::OWN.iter().map(|prefix| own(prefix, settings)));
    routes.push(unknown());
    routes.push(pages(settings));
    let mut host = json!({
        "name": "public",
        "domains": ["*"],
        "routes": routes,
        "response_headers_to_add": headers::ALWAYS.map(|(name, value)| default_header(name.as_str(), value)),
    });
    if !settings.allow_origin.is_empty() {
        host["typed_per_filter_config"] = json!({ "envoy.filters.http.cors": cors(&settings.allow_origin) });
    }
    json!({
        "name": "public",
        "virtual_hosts": [host],
        // Services take the last entry for the caller's address: it is the only one.
        "request_headers_to_add": [overwrite("x-forwarded-for", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")],
    })
}

fn route(method: &Method, settings: &Settings) -> Value {
    let mut per_filter = Map::new();
    per_filter.insert(JWT.to_owned(), filters::token_rule(method.access));
    if method.access == Access::Internal {
        // Its words are in `replies`.
        return json!({
            "name": method.path,
            "match": { "path": method.path },
            "direct_response": { "status": 403 },
            "typed_per_filter_config": per_filter,
        });
    }
    let deadline = seconds(method.deadline);
    let mut action = json!({
        "cluster": method.domain,
        // What the caller asks for counts, as long as it is shorter.
        "max_stream_duration": { "max_stream_duration": deadline, "grpc_timeout_header_max": deadline },
        "timeout": if method.server_streaming { "0s" } else { deadline.as_str() },
        "rate_limits": [rate(method.rate)],
    });
    if method.server_streaming {
        action["idle_timeout"] = json!(seconds(STREAM_IDLE));
    }
    action["retry_policy"] = retry(method.idempotency);
    let mut route = json!({
        "name": method.path,
        "match": { "path": method.path },
        "route": action,
        "typed_per_filter_config": per_filter,
    });
    if settings.telemetry.is_some() {
        // The name of the span, as the services call theirs.
        route["decorator"] = json!({ "operation": method.path.trim_start_matches('/'), "propagate": false });
    }
    without_rate(&mut route, settings);
    route
}

/// What a process that goes away did not take up may be sent to another, whatever it is: nobody has begun with it.
const NOT_TAKEN_UP: &str = "connect-failure,refused-stream,reset-before-request";

/// A call that may be repeated is repeated when its connection broke, whether or not it arrived, and when the service says
/// that it cannot now: the budget of the cluster bounds how often in all.
fn retry(idempotency: Idempotency) -> Value {
    unless_taken_up(if idempotency == Idempotency::Unknown { "" } else { "unavailable,reset" })
}

/// Repeats what was not taken up, and what failed in these ways besides. Twice, elsewhere.
pub(super) fn unless_taken_up(more: &str) -> Value {
    let on = if more.is_empty() { NOT_TAKEN_UP.to_owned() } else { format!("{NOT_TAKEN_UP},{more}") };
    json!({
        "retry_on": on,
        "num_retries": 2,
        // Said for the guard: what Envoy itself asks would wait for up to a second by default, as long as it may take.
        "retry_back_off": { "base_interval": "0.025s", "max_interval": "0.25s" },
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", json!({})),
        }],
        // A dead endpoint has no calls, so the least busy of two drawn is mostly the dead one: draw until it is another.
        "host_selection_retry_max_attempts": 100,
    })
}

/// By the class of the RPC and by who calls: the account of a good token, else the address.
fn rate(class: RateClass) -> Value {
    let account = json!({ "command": "DYNAMIC_METADATA", "param": format!("{JWT}:{CLAIMS}:sub") });
    let caller = json!({ "operators": [account, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"] });
    json!({ "actions": [
        { "generic_key": { "descriptor_key": "class", "descriptor_value": class_name(class) } },
        { "generic_key": { "descriptor_key": "caller", "descriptor_value": format!("%COALESCE({caller})%") } },
    ]})
}

/// Health and reflection, which the pages' process answers. Reflection is a conversation: it never ends by itself.
fn own(prefix: &str, settings: &Settings) -> Value {
    let unlimited = typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", json!({ "disabled": true }));
    let mut route = json!({
        "name": prefix,
        "match": { "prefix": prefix },
        "route": {
            "cluster": PAGES,
            "timeout": "0s",
            "idle_timeout": "60s",
            "max_stream_duration": { "max_stream_duration": "600s", "grpc_timeout_header_max": "600s" },
            "rate_limits": [rate(RateClass::Read)],
        },
        "typed_per_filter_config": { "envoy.filters.http.buffer": unlimited },
    });
    without_rate(&mut route, settings);
    route
}

/// An RPC that nobody knows, in whatever way it was called.
fn unknown() -> Value {
    json!({
        "name": "unknown RPC",
        "match": {
            "prefix": "/",
            "headers": [{ "name": "content-type", "string_match": { "prefix": "application/grpc" } }],
        },
        "direct_response": { "status": 404 },
    })
}

fn pages(settings: &Settings) -> Value {
    let mut route = json!({
        "name": "pages",
        "match": { "prefix": "/" },
        "route": { "cluster": PAGES, "timeout": seconds(PAGE_TIMEOUT), "rate_limits": [rate(RateClass::Read)] },
    });
    without_rate(&mut route, settings);
    route
}

/// Nobody counts where nobody is asked.
fn without_rate(route: &mut Value, settings: &Settings) {
    if !settings.counts()
        && let Some(action) = route["route"].as_object_mut()
    {
        action.remove("rate_limits");
    }
}

/// The same words as the in-process edge.
fn cors(origins: &[String]) -> Value {
    // An asterisk means any origin to Envoy as well.
    let matchers: Vec<Value> = origins.iter().map(|origin| json!({ "exact": origin })).collect();
    typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        json!({
            "allow_origin_string_match": matchers,
            "allow_methods": headers::CORS_METHODS.map(|method| method.to_string()).join(","),
            "allow_headers": headers::CORS_REQUEST_HEADERS.join(","),
            "expose_headers": headers::CORS_RESPONSE_HEADERS.join(","),
            "max_age": headers::CORS_MAX_AGE.as_secs().to_string(),
            "allow_credentials": false,
        }),
    )
}
