//! What the edge answers without gRPC: the browser app, the start page, health, metrics, keys, and the services' own routes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use kvartal_host::Runtime;
use kvartal_proto::identity::v1 as pb;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use serde_json::json;

use crate::BODY_BYTES_MAX;
use crate::app::App;
use crate::backend::Backends;
use crate::rest::Rest;
use crate::start::{self, Language, Live, Scene};
use crate::{Account, LineClass};

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
    /// The browser app, if there is one.
    pub(crate) app: Option<App>,
}

#[derive(Clone)]
struct Pages {
    runtime: Runtime,
    live: Arc<Live>,
    scene: Arc<Scene>,
    app: Option<Arc<App>>,
}

/// The edge's own pages, then the services' own routes, here and elsewhere, then REST. Whoever comes first has the path.
pub(crate) fn router(runtime: &Runtime, live: Live, scene: Scene, routes: Routes, metrics: bool) -> Router {
    let app = routes.app.map(Arc::new);
    let pages = Pages { runtime: runtime.clone(), live: Arc::new(live), scene: Arc::new(scene), app: app.clone() };
    let description = routes.rest.description();
    let mut own = Router::new()
        .route("/", get(home))
        .route("/app.json", get(site))
        .route("/scenery.json", get(scenery))
        .route("/start", get(start_page))
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
    let rest = any(elsewhere_or_rest).with_state((routes.backends, routes.rest, app));
    own.route_layer(from_fn(in_time)).with_state(pages).fallback_service(services.fallback_service(rest))
}

async fn in_time(request: Request, next: Next) -> Response {
    let late = |_| problem_json(StatusCode::REQUEST_TIMEOUT, "the request took too long");
    tokio::time::timeout(TIMEOUT, next.run(request)).await.unwrap_or_else(late)
}

/// The last to be asked.
async fn elsewhere_or_rest(
    State((backends, rest, app)): State<(Backends, Rest, Option<Arc<App>>)>,
    request: Request,
) -> Response {
    if let Some(app) = app.as_deref().filter(|_| request.method() == Method::GET || request.method() == Method::HEAD)
        && let Some(file) = app.file(request.uri().path(), request.headers())
    {
        return file;
    }
    let answer = tokio::time::timeout(TIMEOUT, backends.page(request.map(tonic::body::Body::new))).await;
    let request = match answer {
        Ok(Ok(Ok(response))) => return response.map(axum::body::Body::new),
        Ok(Ok(Err(status))) => return problem_json(StatusCode::SERVICE_UNAVAILABLE, status.message()),
        Ok(Err(request)) => request,
        Err(_) => return problem_json(StatusCode::GATEWAY_TIMEOUT, "the service took too long"),
    };
    match rest.answer(request).await {
        Ok(response) => response.map(axum::body::Body::new),
        Err(request) => {
            let page = app.filter(|_| request.method() == Method::GET);
            page.and_then(|app| app.page(request.uri().path(), request.headers()))
                .unwrap_or_else(|| not_found(request.headers()))
        }
    }
}

/// The app, or what stands in for it.
async fn home(State(pages): State<Pages>, query: RawQuery, headers: HeaderMap) -> Response {
    let page = pages.app.as_ref().and_then(|app| app.page("/", &headers));
    match page {
        Some(page) => page,
        None => start_page(State(pages), query, headers).await,
    }
}

/// What the app needs to know of this installation before anybody signs in.
async fn site(State(pages): State<Pages>) -> Response {
    let accounts: Vec<_> = pages
        .scene
        .accounts
        .iter()
        .map(|Account { role, email, password }| json!({ "role": role, "email": email, "password": password }))
        .collect();
    let body = json!({
        "version": pages.scene.version,
        "demoAccounts": accounts,
        "mailPage": if pages.scene.mail_page { "/_dev/mail" } else { "" },
    });
    ([(CACHE_CONTROL, "no-cache")], Json(body)).into_response()
}

/// Streets and water, as GeoJSON (RFC 7946).
async fn scenery(State(pages): State<Pages>) -> Response {
    let features = pages.scene.streets.iter().map(|line| {
        // Five decimals are a metre.
        let round = |degrees: f64| (degrees * 1e5).round() / 1e5;
        let points: Vec<_> = line.points.iter().map(|(lat, lng)| [round(*lng), round(*lat)]).collect();
        let class = match line.class {
            LineClass::Street => "street",
            LineClass::Water => "water",
        };
        json!({
            "type": "Feature",
            "properties": { "name": line.name, "class": class },
            "geometry": { "type": "LineString", "coordinates": points },
        })
    });
    let body = json!({ "type": "FeatureCollection", "features": features.collect::<Vec<_>>() });
    let headers = [(CACHE_CONTROL, "public, max-age=3600"), (CONTENT_TYPE, "application/geo+json")];
    (headers, body.to_string()).into_response()
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
