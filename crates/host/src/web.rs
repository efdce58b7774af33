//! What stands before the plain HTTP routes of services: identity, rate, limits, span and metrics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderValue, Method, StatusCode, header};
use kvartal_contract::RateClass;
use kvartal_kernel::{Actor, Caller, Error, Kind};
use kvartal_mesh::Peer;
use kvartal_mesh::auth::{Identity, Verifier};
use kvartal_mesh::rate::Limiter;
use kvartal_mesh::server::{identify, may_pass_on, rate_key};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::{Instrument, info_span};

/// Largest request body, in bytes.
pub(crate) const BODY_MAX: usize = 10 * 1024 * 1024;
/// Longest time until the answer begins.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What every request passes.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) service: &'static str,
    pub(crate) verifier: Arc<dyn Verifier>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) calls: TaskTracker,
    duration: Histogram<f64>,
}

impl Gate {
    pub(crate) fn new(
        service: &'static str,
        verifier: Arc<dyn Verifier>,
        limiter: Arc<dyn Limiter>,
        calls: TaskTracker,
    ) -> Self {
        let duration = opentelemetry::global::meter("kvartal.http")
            .f64_histogram("http.server.request.duration")
            .with_description("Time until the answer begins")
            .with_unit("s")
            .build();
        Self { service, verifier, limiter, calls, duration }
    }

    /// Puts the routes behind the gate.
    pub(crate) fn guard(self, routes: Router) -> Router {
        if !routes.has_routes() {
            return routes;
        }
        routes
            .layer(DefaultBodyLimit::disable())
            .layer(RequestBodyLimitLayer::new(BODY_MAX))
            .route_layer(middleware::from_fn_with_state(self, pass))
    }

    /// Finds out who calls and whether they may call now.
    async fn admit(&self, visitor: Visitor) -> Result<Caller, Error> {
        let Visitor { method, authorization, peer } = visitor;
        let mut caller = Caller { actor: Actor::Anonymous, address: peer.address, user_agent: peer.user_agent };
        let class = match method {
            Method::GET | Method::HEAD | Method::OPTIONS => RateClass::Read,
            _ => RateClass::Write,
        };
        if let Some(value) = &authorization {
            match self.identify(value, &caller).await {
                Ok(identity) => caller.actor = identity.actor,
                Err(error) if error.kind() == Kind::ResourceExhausted => return Err(error),
                Err(error) => {
                    // Guessing tokens counts against the address.
                    self.count(class, &caller).await?;
                    return Err(error);
                }
            }
        }
        self.count(class, &caller).await?;
        Ok(caller)
    }

    async fn identify(&self, authorization: &HeaderValue, caller: &Caller) -> Result<Identity, Error> {
        identify(&*self.verifier, &*self.limiter, caller, bearer(authorization)?).await
    }

    async fn count(&self, class: RateClass, caller: &Caller) -> Result<(), Error> {
        match rate_key(caller) {
            Some(key) => self.limiter.check(class, &key).await,
            None => Ok(()),
        }
    }
}

/// What a request says about its sender. Apart from the request, whose body cannot be shared between threads.
struct Visitor {
    method: Method,
    authorization: Option<HeaderValue>,
    peer: Peer,
}

impl Visitor {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            authorization: request.headers().get(header::AUTHORIZATION).cloned(),
            peer: request.extensions().get::<Peer>().cloned().unwrap_or_default(),
        }
    }
}

fn bearer(value: &HeaderValue) -> Result<&str, Error> {
    let wrong = || Error::new(Kind::Unauthenticated, "TOKEN_INVALID", "the authorization header is no bearer token");
    let (scheme, token) = value.to_str().map_err(|_| wrong())?.split_once(' ').ok_or_else(wrong)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(wrong()) }
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let span = info_span!(
        "http",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = %method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        kvartal.service = gate.service,
    );
    kvartal_trace::adopt(&span, request.headers());
    let began = Instant::now();
    let response = gate.calls.clone().track_future(answer(&gate, request, next).instrument(span.clone())).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let labels = [
        KeyValue::new("http.request.method", method.to_string()),
        KeyValue::new("http.route", route),
        KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
    ];
    gate.duration.record(began.elapsed().as_secs_f64(), &labels);
    response
}

async fn answer(gate: &Gate, mut request: Request, next: Next) -> Response {
    if let Err(error) = may_pass_on(request.extensions()) {
        return error_response(&error);
    }
    match gate.admit(Visitor::of(&request)).await {
        Ok(caller) => request.extensions_mut().insert(caller),
        Err(error) => return error_response(&error),
    };
    let handler = AssertUnwindSafe(tokio::time::timeout(TIMEOUT, next.run(request))).catch_unwind();
    match handler.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => error_response(&Error::new(Kind::DeadlineExceeded, "DEADLINE_EXCEEDED", "it took too long")),
        Err(_) => error_response(&Error::internal("an HTTP handler panicked")),
    }
}

/// An error as a plain HTTP answer: `{"reason", "message", "violations"}` with the fitting status. Internal errors are
/// logged here and say nothing.
pub fn error_response(error: &Error) -> Response {
    let status = match error.kind() {
        Kind::InvalidArgument | Kind::FailedPrecondition => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyExists | Kind::Aborted => StatusCode::CONFLICT,
        Kind::PermissionDenied => StatusCode::FORBIDDEN,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let message = if error.kind() == Kind::Internal {
        tracing::error!(error = error.chain(), "a request failed");
        "something went wrong on our side"
    } else {
        error.message()
    };
    let violation = |violation: &kvartal_kernel::Violation| json!({ "field": violation.field, "description": violation.description });
    let violations: Vec<_> = error.field_violations().iter().map(violation).collect();
    let body = json!({ "reason": error.reason(), "message": message, "violations": violations });
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(delay) = error.retry_delay() {
        // Rounded up: whoever comes a moment too early is refused again.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
