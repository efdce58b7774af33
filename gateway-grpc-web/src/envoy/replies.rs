//! What Envoy itself answers, in the words of the platform: a status with its reason, or JSON.

use serde_json::{Value, json};
use tonic::{Code, Status};

use super::json::{default_header, extension};
use crate::{backend, limit};

/// A refusal: when it is given, and what the caller is told.
struct Reply {
    /// In CEL, over attributes of the request and of the answer that Envoy was about to give.
    when: &'static str,
    status: Status,
}

/// First match wins.
fn replies() -> Vec<Reply> {
    let reply = |when, code, reason, message| Reply { when, status: backend::status(code, reason, message) };
    vec![
        // Routes of RPCs answer by themselves in two cases only; see `routes`.
        Reply {
            when: "response.code_details == 'direct_response' && response.code == 403",
            status: backend::internal_only(),
        },
        Reply {
            when: "response.code_details == 'direct_response' && response.code == 404",
            status: backend::unknown_method(),
        },
        reply(
            "response.code_details == 'jwt_authn_access_denied{Jwt_is_missing}'",
            Code::Unauthenticated,
            "SIGN_IN_REQUIRED",
            "sign in first",
        ),
        reply(
            "response.code_details.startsWith('jwt_authn_access_denied{Jwks_remote_fetch')",
            Code::Unavailable,
            "KEYS_UNAVAILABLE",
            "access tokens cannot be verified now",
        ),
        reply(
            "response.code_details.startsWith('jwt_authn_access_denied')",
            Code::Unauthenticated,
            "TOKEN_INVALID",
            "the access token is not valid; sign in again",
        ),
        // The guard's own words stand in the details.
        reply(
            "response.code_details.startsWith('ext_authz') && response.code == 503",
            Code::Unavailable,
            "REVOCATIONS_UNAVAILABLE",
            "access tokens cannot be verified now",
        ),
        reply(
            "response.code_details.startsWith('ext_authz')",
            Code::Unauthenticated,
            "TOKEN_INVALID",
            "the access token is not valid; sign in again",
        ),
        reply("response.code == 429", Code::ResourceExhausted, "RATE_LIMITED", "too many calls; slow down"),
        Reply { when: "response.code == 413", status: limit::too_large() },
        reply("response.code == 504", Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the call took too long"),
        reply("response.code == 503", Code::Unavailable, "SERVICE_UNREACHABLE", "the service cannot be reached now"),
    ]
}

/// How Envoy's own answers look: callers of RPCs are told in gRPC, all others in JSON.
pub(super) fn local_replies() -> Value {
    let mut mappers = vec![transcoding()];
    mappers.extend(replies().into_iter().map(mapper));
    // Whatever else it may be: the message alone, which becomes the status's.
    let text = json!({ "text_format_source": { "inline_string": "%LOCAL_REPLY_BODY%" } });
    mappers.push(json!({ "filter": when(IS_RPC), "body_format_override": text }));
    let error = json!({ "code": "%RESPONSE_CODE%", "message": "%LOCAL_REPLY_BODY%" });
    json!({ "mappers": mappers, "body_format": { "json_format": { "error": error } } })
}

/// A REST call whose JSON cannot be understood: it has not become gRPC, and is answered as other errors of REST are.
fn transcoding() -> Value {
    let status = json!({ "code": i32::from(Code::InvalidArgument), "message": "%LOCAL_REPLY_BODY%", "details": [] });
    json!({
        "filter": when("response.code_details.startsWith('grpc_json_transcode_failure')"),
        "body_format_override": { "json_format": status },
    })
}

/// gRPC-Web and REST have become gRPC by the time somebody refuses them. What is answered here goes back through the same
/// filters, which translate it again: so it has to look like an answer of a gRPC server without messages.
fn mapper(reply: Reply) -> Value {
    let empty = json!({ "text_format_source": { "inline_string": "" }, "content_type": "application/grpc" });
    json!({
        "filter": when(&format!("{IS_RPC} && {}", reply.when)),
        "status_code": 200,
        "body": { "inline_string": "" },
        "body_format_override": empty,
        "headers_to_add": headers(&reply.status),
    })
}

const IS_RPC: &str = "request.headers['content-type'].startsWith('application/grpc')";

fn when(expression: &str) -> Value {
    let filter = extension(
        "envoy.access_loggers.extension_filters.cel",
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        json!({ "expression": expression }),
    );
    json!({ "extension_filter": filter })
}

/// Code, message and details, as gRPC has them in headers. Whoever has set them already, such as the guard, knows better.
fn headers(status: &Status) -> Vec<Value> {
    let mut headers = http::HeaderMap::new();
    // Fails for what fits into no header; these fit.
    let _ = status.add_header(&mut headers);
    let values = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    // A percent sign begins a variable of Envoy's.
    values.map(|(name, value)| default_header(name, &value.replace('%', "%%"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_becomes_headers_that_envoy_does_not_take_for_variables() {
        let headers = headers(&backend::status(Code::NotFound, "GONE", "it is gone"));
        let value = |name: &str| {
            let header = headers.iter().find(|header| header["header"]["key"] == name).unwrap();
            header["header"]["value"].as_str().unwrap().to_owned()
        };
        assert_eq!(value("grpc-status"), "5");
        assert_eq!(value("grpc-message"), "it%%20is%%20gone");
        assert!(!value("grpc-status-details-bin").contains('%'));
    }
}
