//! Errors: a status of gRPC as a status of HTTP, with `google.rpc.Status` in JSON.

use std::sync::LazyLock;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kvartal_mesh::Response;
use prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{StatusExt as _, pb};

use super::{CONTENT, json};

/// The status of HTTP that belongs to a code: the mapping of `google.rpc.Code`, which Envoy has too.
pub(crate) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        // nginx's "client closed request"; there is no name for it.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The answer to a call that failed.
pub(crate) fn response(status: &Status) -> Response {
    response_as(http_status(status.code()), status)
}

/// The same under a status of HTTP that says more than the code does.
pub(crate) fn response_as(http: StatusCode, status: &Status) -> Response {
    let mut response = Response::new(Body::new(http_body_util::Full::from(body(status).to_string())));
    *response.status_mut() = http;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
    if http == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(delay) = status.get_details_retry_info().and_then(|info| info.retry_delay) {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    response
}

/// `retry-after` knows whole seconds only; too early would be refused again.
fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// `google.rpc.Status` in JSON. Details of kinds that nobody can name here are left out.
pub(crate) fn body(status: &Status) -> Value {
    let details: Vec<Value> = pb::Status::decode(status.details())
        .map(|full| full.details.into_iter().filter_map(detail).collect())
        .unwrap_or_default();
    json!({ "code": status.code() as i32, "message": status.message(), "details": details })
}

/// What `google.protobuf.Any` is in JSON: the members of the message, and `@type`.
fn detail(any: prost_types::Any) -> Option<Value> {
    let descriptor = kind(any.type_url.rsplit('/').next()?)?;
    let json = json::from_encoded(&descriptor, any.value.into()).ok()?;
    let mut value: Value = serde_json::from_slice(&json).ok()?;
    value.as_object_mut()?.insert("@type".to_owned(), Value::String(any.type_url));
    Some(value)
}

fn kind(name: &str) -> Option<MessageDescriptor> {
    errors().get_message_by_name(name)
}

/// The kinds of details: `google.rpc.ErrorInfo`, `BadRequest`, `RetryInfo` and their kin.
pub(crate) fn errors() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> =
        LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default());
    &POOL
}
