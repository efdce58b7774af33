//! REST: the RPCs of the contract over plain HTTP and JSON, by their `google.api.http` rules.
//!
//! A request becomes an ordinary gRPC call on its way in, and the answer JSON on its way out. So access, rates, deadlines,
//! input rules and audit are those of the contract, and it does not matter in which process the service runs.
//!
//! The constants here are what Envoy's `grpc_json_transcoder` is given too: both edges answer alike.

mod answer;
mod binding;
mod json;
mod matcher;
mod openapi;
mod problem;
mod query;
mod request;
mod template;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use kvartal_contract::Contract;
use kvartal_mesh::{Peer, Request, Response};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Status};

use self::answer::Format;
use self::binding::{Binding, bindings};
use self::matcher::{Found, Matcher};
use crate::backend::{Backends, status};
use crate::limit::let_finish;

/// Members are called as in the .proto files (`page_size`), not in lowerCamelCase: as the fields are called in the
/// violations of errors and in the documentation. Requests may use both.
pub(crate) const PRESERVE_FIELD_NAMES: bool = true;
/// Fields without presence are written even when they hold their default: a reader sees `0`, `""`, `[]`, not a gap.
pub(crate) const ALWAYS_PRINT_PRIMITIVE_FIELDS: bool = true;
/// Enum values are written by name. Requests may use both.
pub(crate) const ALWAYS_PRINT_ENUMS_AS_INTS: bool = false;
/// The content type of answers; of streams too, whose messages stand one in a line (Envoy's `stream_newline_delimited`).
pub(crate) const CONTENT: &str = "application/json";
/// The content type of streams for whoever accepts it (Envoy's `stream_sse_style_delimited`).
pub(crate) const EVENTS: &str = "text/event-stream";

/// A body must have come in within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a call may take longer than its contract says (its audit record comes on top) before the edge gives up on the
/// service that should have ended it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Headers that go along with a call.
const PASSED_ON: [HeaderName; 6] = [
    AUTHORIZATION,
    ACCEPT_LANGUAGE,
    USER_AGENT,
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// What a field is called in JSON.
fn field_name(field: &FieldDescriptor) -> &str {
    if PRESERVE_FIELD_NAMES { field.name() } else { field.json_name() }
}

/// Answers REST requests. A clone is cheap.
#[derive(Clone)]
pub(crate) struct Rest {
    rules: Arc<Matcher<Binding>>,
    backends: Backends,
    description: Bytes,
}

impl Rest {
    /// Reads every rule of the contract.
    ///
    /// # Errors
    /// When rules cannot be used or contradict each other; all of them are named.
    pub(crate) fn new(contract: &'static Contract, backends: Backends, url: &str) -> anyhow::Result<Self> {
        let rules = bindings(contract).map_err(|problems| anyhow::anyhow!("{}", problems.join("\n")))?;
        let description = openapi::document(contract, url).map_err(|problem| anyhow::anyhow!("{problem}"));
        let description = description.context("the description of the REST paths")?.to_string().into();
        Ok(Self { rules: Arc::new(rules), backends, description })
    }

    /// The OpenAPI document.
    pub(crate) fn description(&self) -> Bytes {
        self.description.clone()
    }

    /// Whether some rule is for the path, whatever the method.
    pub(crate) fn knows(&self, path: &str) -> bool {
        !matches!(self.rules.find(&Method::GET, path), Found::Nothing)
    }

    /// Answers; gives the request back when no rule is for its path.
    pub(crate) async fn answer(&self, request: Request) -> Result<Response, Request> {
        let head = request.method() == Method::HEAD;
        let method = if head { &Method::GET } else { request.method() };
        let path = request.uri().path().to_owned();
        let response = match self.rules.find(method, &path) {
            Found::Nothing => return Err(request),
            Found::OtherMethods(methods) => other_method(request, methods.into_iter().collect()).await,
            Found::Rule(binding, segments) => self.call(binding, &segments, request).await,
        };
        Ok(if head { without_body(response) } else { response })
    }

    async fn call(&self, binding: &Binding, segments: &[&str], request: Request) -> Response {
        let (head, body) = request.into_parts();
        let body = match timeout(BODY_TIMEOUT, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(status)) if status.code() == Code::ResourceExhausted => {
                return problem::response_as(StatusCode::PAYLOAD_TOO_LARGE, &status);
            }
            Ok(Err(_)) => return problem::response(&status(Code::Cancelled, "BODY_BROKEN", "the body broke off")),
            Err(_) => {
                let late = status(Code::DeadlineExceeded, "BODY_TOO_SLOW", "the body took too long");
                return problem::response_as(StatusCode::REQUEST_TIMEOUT, &late);
            }
        };
        if !body.is_empty() && !is_json(&head.headers) {
            let message = format!("send {CONTENT}, not compressed");
            let refused = status(Code::InvalidArgument, "CONTENT_TYPE_UNSUPPORTED", &message);
            return problem::response_as(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refused);
        }
        let message = match request::read(binding, segments, head.uri.query(), &body) {
            Ok(message) => message,
            Err(unreadable) => {
                let refused = self.refusal(binding, &head).await;
                return problem::response(&refused.unwrap_or(unreadable));
            }
        };
        let call = grpc(binding, framed(&message), &head);
        if binding.method.server_streaming {
            let format = if accepts_events(&head.headers) { Format::Events } else { Format::Lines };
            return answer::stream(binding, self.backends.clone().answer(call).await, format);
        }
        let answer = async { answer::unary(binding, self.backends.clone().answer(call).await).await };
        let late = || problem::response(&status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "it took too long"));
        timeout(binding.method.deadline + PATIENCE, answer).await.unwrap_or_else(|_| late())
    }

    /// Whether the caller would have been let in at all. A request that cannot be read goes on as a call that cannot be read
    /// either: so the service counts it against the caller's rate, and who may not call is told that and nothing else.
    async fn refusal(&self, binding: &Binding, head: &http::request::Parts) -> Option<Status> {
        let call = grpc(binding, Bytes::from_static(NO_MESSAGE), head);
        let answer = async { answer::refusal(self.backends.clone().answer(call).await).await };
        let refusal = timeout(binding.method.deadline + PATIENCE, answer).await.ok()??;
        let not_let_in =
            matches!(refusal.code(), Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted);
        not_let_in.then_some(refusal)
    }
}

/// What no message can be read from: the number of a field is missing.
const NO_MESSAGE: &[u8] = &[0, 0, 0, 0, 1, 0xff];

/// The refusal of a body that announces itself as too large.
pub(crate) fn too_large(status: &Status) -> Response {
    problem::response_as(StatusCode::PAYLOAD_TOO_LARGE, status)
}

/// A message as gRPC sends it.
fn framed(message: &DynamicMessage) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(5 + length);
    frame.put_u8(0);
    // Bodies are far smaller than the four gigabytes at which this would saturate.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // The buffer grows, so nothing can go wrong.
    let _ = message.encode(&mut frame);
    frame.freeze()
}

/// The call as gRPC has it, from the same caller.
fn grpc(binding: &Binding, frame: Bytes, head: &http::request::Parts) -> Request {
    let mut call = Request::new(Body::new(Full::new(frame)));
    *call.method_mut() = Method::POST;
    *call.version_mut() = Version::HTTP_2;
    *call.uri_mut() = http::Uri::try_from(&binding.method.path).unwrap_or_default();
    for name in PASSED_ON {
        for value in head.headers.get_all(&name) {
            call.headers_mut().append(name.clone(), value.clone());
        }
    }
    call.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    call.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    if let Some(peer) = head.extensions.get::<Peer>() {
        call.extensions_mut().insert(peer.clone());
    }
    call
}

/// Says which methods there are: the answer to OPTIONS, and to a method that is not among them.
async fn other_method(request: Request, mut methods: Vec<&str>) -> Response {
    let asked = request.method() == Method::OPTIONS;
    let_finish(request).await;
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    let mut response = if asked {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        let message = format!("this path knows {}", methods.join(", "));
        let refused = status(Code::Unimplemented, "METHOD_NOT_ALLOWED", &message);
        problem::response_as(StatusCode::METHOD_NOT_ALLOWED, &refused)
    };
    if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// The answer to HEAD: what GET would answer, but for the body.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.map(|_| Body::empty())
}

/// Whether the body is JSON as it stands. Pages of other origins cannot send that without asking first.
fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map_or(Some(""), |value: &HeaderValue| value.to_str().ok());
    let essence = text(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    let encoding = text(CONTENT_ENCODING).unwrap_or("unknown");
    essence.trim().eq_ignore_ascii_case(CONTENT) && (encoding.is_empty() || encoding.eq_ignore_ascii_case("identity"))
}

fn accepts_events(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(EVENTS)))
}

#[cfg(test)]
mod tests;
