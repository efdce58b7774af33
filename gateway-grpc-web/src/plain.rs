//! What the edge answers without gRPC: the start page, health, metrics, keys, and the services' own routes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use kvartal_host::Runtime;
use kvartal_proto::identity::v1 as pb;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use serde_json::json;

use crate::BODY_BYTES_MAX;
use crate::backend::Backends;
use crate::rest::Rest;
use crate::start::{self, Language, Live, Scene};

/// A page or a plain route must be answered within this, reading the request included: a body that trickles in holds
/// nobody up for longer. REST has its own times.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What stands behind the edge's own pages, in the order in which it is asked.
pub(crate) struct Routes {
    /// The own routes of the services that run here: Open311, photos, work zones.
    pub(crate) services: Router,
    /// Those of services of other processes.
    pub(crate) backends: Backends,
    /// The paths of the contract.
    pub(crate) rest: Rest,
}

#[derive(Clone)]
struct Pages {
    runtime: Runtime,
    live: Arc<Live>,
    scene: Arc<Scene>,
}

/// The edge's own pages, then the services' own routes, here and elsewhere, then REST. Whoever comes first has the path.
pub(crate) fn router(runtime: &Runtime, live: Live, scene: Scene, routes: Routes, metrics: bool) -> Router {
    let pages = Pages { runtime: runtime.clone(), live: Arc::new(live), scene: Arc::new(scene) };
    let description = routes.rest.description();
    let mut own = Router::new()
        .route("/", get(start_page))
        .route("/start.json", get(start_json))
        .route("/start.js", get(|| async { file("text/javascript; charset=utf-8", start::SCRIPT) }))
        .route("/start.css", get(|| async { file("text/css; charset=utf-8", start::STYLE) }))
        .route("/favicon.ico", get(|| async { icon() }))
        .route("/healthz", get(health))
        .route("/livez", get(|| async { "alive\n" }))
        .route(crate::OPENAPI_PATH, get(|| async { ([(CONTENT_TYPE, "application/json")], description) }))
        .route("/.well-known/jwks.json", get(keys));
    if metrics {
        own = own.route("/metrics", get(prometheus));
    }
    // Layers count for the routes that are there when they are added, so not for REST.
    let services = routes.services.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).layer(from_fn(in_time));
    let rest = any(elsewhere_or_rest).with_state((routes.backends, routes.rest));
    own.route_layer(from_fn(in_time)).with_state(pages).fallback_service(services.fallback_service(rest))
}

async fn in_time(request: Request, next: Next) -> Response {
    let late = |_| problem_json(StatusCode::REQUEST_TIMEOUT, "the request took too long");
    tokio::time::timeout(TIMEOUT, next.run(request)).await.unwrap_or_else(late)
}

/// The last to be asked.
async fn elsewhere_or_rest(State((backends, rest)): State<(Backends, Rest)>, request: Request) -> Response {
    let answer = tokio::time::timeout(TIMEOUT, backends.page(request.map(tonic::body::Body::new))).await;
    let request = match answer {
        Ok(Ok(Ok(response))) => return response.map(axum::body::Body::new),
        Ok(Ok(Err(status))) => return problem_json(StatusCode::SERVICE_UNAVAILABLE, status.message()),
        Ok(Err(request)) => request,
        Err(_) => return problem_json(StatusCode::GATEWAY_TIMEOUT, "the service took too long"),
    };
    match rest.answer(request).await {
        Ok(response) => response.map(axum::body::Body::new),
        Err(request) => not_found(request.headers()),
    }
}

async fn start_page(State(pages): State<Pages>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let language = Language::choose(query.as_deref(), &headers);
    let snapshot = pages.live.snapshot().await;
    html(StatusCode::OK, language, start::render(&pages.scene, &snapshot, language))
}

/// The numbers, and the parts of the page that change with them.
async fn start_json(State(pages): State<Pages>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let language = Language::choose(query.as_deref(), &headers);
    let snapshot = pages.live.snapshot().await;
    let mut body = serde_json::to_value(&*snapshot).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.insert("fragments".to_owned(), json!(start::fragments(&pages.scene, &snapshot, language)));
    }
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// 200 while every service works, else 503; the body says what does not.
async fn health(State(pages): State<Pages>) -> Response {
    let health = pages.runtime.health();
    let status = if health.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, "no-store")], Json(health.report())).into_response()
}

async fn prometheus(State(pages): State<Pages>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], pages.runtime.metrics()).into_response()
}

/// The public signing keys as a JWK set (RFC 7517, RFC 8037).
async fn keys(State(pages): State<Pages>) -> Response {
    let answer = match pages.runtime.directory().channel("identity", "gateway") {
        Ok(channel) => IdentityServiceClient::new(channel).get_jwks(pb::GetJwksRequest {}).await,
        Err(error) => Err(kvartal_mesh::to_status(error)),
    };
    match answer {
        Ok(answer) => {
            let keys: Vec<_> = answer.into_inner().keys.into_iter().map(jwk).collect();
            // Short enough for a rotation to be noticed, long enough to be no load.
            ([(CACHE_CONTROL, "public, max-age=60")], Json(json!({ "keys": keys }))).into_response()
        }
        Err(_) => problem_json(StatusCode::SERVICE_UNAVAILABLE, "the keys cannot be had now"),
    }
}

fn jwk(key: pb::Jwk) -> serde_json::Value {
    let pb::Jwk { kid, kty, crv, x, alg, r#use } = key;
    json!({ "kid": kid, "kty": kty, "crv": crv, "x": x, "alg": alg, "use": r#use })
}

/// In the reader's own terms: a page for browsers, JSON for programs.
fn not_found(headers: &HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        let language = Language::choose(None, headers);
        html(StatusCode::NOT_FOUND, language, start::problem(language))
    } else {
        problem_json(StatusCode::NOT_FOUND, "there is no such page")
    }
}

/// An error for programs.
pub(crate) fn problem_json(status: StatusCode, message: &str) -> Response {
    let body = json!({ "error": { "code": status.as_u16(), "message": message } });
    (status, Json(body)).into_response()
}

fn html(status: StatusCode, language: Language, page: String) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
        (VARY, HeaderValue::from_static("accept-language")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, page).into_response()
}

fn file(content_type: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")], content).into_response()
}

fn icon() -> Response {
    ([(CONTENT_TYPE, "image/x-icon"), (CACHE_CONTROL, "public, max-age=86400")], start::favicon()).into_response()
}
