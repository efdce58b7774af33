//! Envoy's external authorization: asked by every Envoy about every request, it stops bad and revoked tokens at the edge.
//!
//! The token is verified here, by the verifier that every service has: nothing that Envoy says about it is believed. Good
//! tokens are remembered, and revocations are read from memory, which is never older than a second (the host sees to
//! it); when it is, or when the keys cannot be had, requests with a token are refused as unavailable. Requests without a
//! token pass: what they may do is for the services to say, and so is everything else than whether the token is good.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kvartal_kernel::{Actor, Error, Kind};
use kvartal_mesh::auth::{Identity, Verifier};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use serde_json::json;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::protocol::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use crate::protocol::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use crate::protocol::envoy::service::auth::v3::attribute_context::HttpRequest;
use crate::protocol::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use crate::protocol::envoy::service::auth::v3::check_response::HttpResponse;
use crate::protocol::envoy::service::auth::v3::{CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse};
use crate::protocol::envoy::r#type::v3::{HttpStatus, StatusCode};
use crate::ratelimit::seconds;

/// Largest question, in bytes: Envoy takes headers of 60 KiB.
const QUESTION_MAX: usize = 256 * 1024;

/// Under which name later filters find the account's id among the metadata of `envoy.filters.http.ext_authz`.
pub const CALLER: &str = "caller";

/// Tells good tokens from bad ones.
pub struct Authz {
    verifier: Arc<dyn Verifier>,
    decisions: Counter<u64>,
    duration: Histogram<f64>,
}

impl Authz {
    /// With the verifier of this process.
    pub fn new(verifier: Arc<dyn Verifier>) -> Self {
        let meter = opentelemetry::global::meter("kvartal.gateway");
        Self {
            verifier,
            decisions: meter
                .u64_counter("kvartal.gateway.authz.decisions")
                .with_description("Requests by decision: anonymous, known, or the reason they were refused for")
                .build(),
            duration: meter
                .f64_histogram("kvartal.gateway.authz.duration")
                .with_description("Time to decide about a request")
                .with_unit("s")
                .build(),
        }
    }

    /// The gRPC service.
    pub fn server(self) -> AuthorizationServer<Self> {
        AuthorizationServer::new(self).max_decoding_message_size(QUESTION_MAX)
    }

    async fn decide(&self, http: &HttpRequest) -> Result<Option<Identity>, Error> {
        match authorization(http)? {
            None => Ok(None),
            Some(value) => self.verifier.verify(bearer(&value)?).await.map(Some),
        }
    }
}

#[tonic::async_trait]
impl Authorization for Authz {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let began = Instant::now();
        let http = request.into_inner().attributes.and_then(|about| about.request).and_then(|request| request.http);
        // Envoy takes an error for a refusal.
        let http = http.ok_or_else(|| Status::invalid_argument("only HTTP requests can be judged"))?;
        let decided = self.decide(&http).await;
        let decision = match &decided {
            Ok(None) => "anonymous",
            Ok(Some(_)) => "known",
            Err(error) => error.reason(),
        };
        self.decisions.add(1, &[KeyValue::new("decision", decision)]);
        self.duration.record(began.elapsed().as_secs_f64(), &[]);
        Ok(Response::new(match decided {
            Ok(identity) => passed(identity),
            Err(error) => denied(error, is_call(&http)),
        }))
    }
}

/// The only `authorization` header; several are as bad as a wrong one.
fn authorization(http: &HttpRequest) -> Result<Option<String>, Error> {
    let Some(map) = &http.header_map else { return Ok(http.headers.get("authorization").cloned()) };
    let mut values = map.headers.iter().filter(|header| header.key.eq_ignore_ascii_case("authorization"));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) if !one.value.is_empty() => Ok(Some(one.value.clone())),
        (Some(one), None) => String::from_utf8(one.raw_value.clone()).map(Some).map_err(|_| no_bearer()),
        (Some(_), Some(_)) => Err(no_bearer()),
    }
}

fn bearer(value: &str) -> Result<&str, Error> {
    let (scheme, token) = value.split_once(' ').ok_or_else(no_bearer)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(no_bearer()) }
}

fn no_bearer() -> Error {
    Error::new(Kind::Unauthenticated, "TOKEN_INVALID", "the authorization header is no bearer token")
}

/// gRPC and gRPC-Web have statuses of their own.
fn is_call(http: &HttpRequest) -> bool {
    let in_map = |map: &crate::protocol::envoy::config::core::v3::HeaderMap| {
        let header = map.headers.iter().find(|header| header.key.eq_ignore_ascii_case("content-type"));
        header.is_some_and(|header| {
            header.value.starts_with("application/grpc") || header.raw_value.starts_with(b"application/grpc")
        })
    };
    let content_type = http.headers.get("content-type").is_some_and(|value| value.starts_with("application/grpc"));
    content_type || http.header_map.as_ref().is_some_and(in_map)
}

fn passed(identity: Option<Identity>) -> CheckResponse {
    let caller = identity.and_then(|identity| match identity.actor {
        Actor::User { id, .. } | Actor::Machine { id, .. } => Some(id.to_string()),
        Actor::Anonymous | Actor::Service { .. } => None,
    });
    let metadata = caller.map(|caller| prost_types::Struct {
        fields: [(CALLER.to_owned(), prost_types::Value { kind: Some(prost_types::value::Kind::StringValue(caller)) })]
            .into(),
    });
    CheckResponse {
        status: Some(tonic_types::pb::Status::default()),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse::default())),
        dynamic_metadata: metadata,
    }
}

/// For calls, Envoy makes a status of code and body, and the details travel beside it; others get the JSON that services
/// answer plain requests with.
fn denied(error: Error, call: bool) -> CheckResponse {
    let code = match error.kind() {
        Kind::Unauthenticated => StatusCode::Unauthorized,
        // Whatever else it is: it cannot be told that the token is good.
        _ => StatusCode::ServiceUnavailable,
    };
    let (reason, retry) = (error.reason(), error.retry_delay());
    let status = kvartal_mesh::to_status(error);
    let mut headers = Vec::new();
    if let Some(delay) = retry {
        headers.push(header("retry-after", seconds(delay).to_string()));
    }
    let body = if call {
        headers.push(header("grpc-status-details-bin", STANDARD_NO_PAD.encode(status.details())));
        status.message().to_owned()
    } else {
        headers.push(header("content-type", "application/json".to_owned()));
        if code == StatusCode::Unauthorized {
            headers.push(header("www-authenticate", "Bearer".to_owned()));
        }
        json!({ "reason": reason, "message": status.message(), "violations": [] }).to_string()
    };
    let message = status.message().to_owned();
    CheckResponse {
        status: Some(tonic_types::pb::Status { code: status.code().into(), message, details: Vec::new() }),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: code.into() }),
            headers,
            body,
        })),
        dynamic_metadata: None,
    }
}

fn header(key: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: key.to_owned(), value, raw_value: Vec::new() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}
