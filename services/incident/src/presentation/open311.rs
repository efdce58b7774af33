//! Open311 GeoReport v2 (<https://wiki.open311.org/GeoReport_v2>), XML and JSON: other cities' apps file and read reports.
//!
//! Reading goes through the same desk as the RPCs; filing goes through the RPC itself, so that access, rates, input
//! rules and audit are those of the contract.

mod format;
mod read;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use kvartal_kernel::{Clock, Error, Kind};
use kvartal_mesh::BoxService;

use crate::application::catalogue::Atlas;
use crate::application::reports::ReportDesk;
use format::{Discovery, Endpoint, Format};

/// What the handlers work with.
pub(crate) struct Open311 {
    /// Where reports are read.
    pub(crate) reports: Arc<ReportDesk>,
    /// Categories, which are services here.
    pub(crate) atlas: Arc<Atlas>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where the platform is, for links.
    pub(crate) public_url: String,
    /// The service's own stack, once it is there.
    pub(crate) own_stack: Box<dyn Fn() -> Option<BoxService> + Send + Sync>,
}

/// The routes under `/open311`.
pub(crate) fn routes(open311: Arc<Open311>) -> Router {
    Router::new()
        .route("/open311/{document}", get(discovery))
        .route("/open311/v2/{document}", get(collection).merge(post(write::file)))
        .route("/open311/v2/services/{document}", get(read::definition))
        .route("/open311/v2/requests/{document}", get(read::request))
        .route("/open311/v2/tokens/{document}", get(read::token))
        .with_state(open311)
}

async fn discovery(State(open311): State<Arc<Open311>>, Path(document): Path<String>) -> Response {
    match Format::split(&document) {
        Some(("discovery", format)) => {
            let changeset = open311.clock.now().to_string();
            let endpoint = Endpoint {
                specification: "http://wiki.open311.org/GeoReport_v2",
                url: format!("{}/open311/v2", open311.public_url),
                changeset: changeset.clone(),
                kind: "production",
                formats: vec!["text/xml", "application/json"],
            };
            let contact = open311.public_url.clone();
            format::discovery(format, &Discovery { changeset, contact, endpoints: vec![endpoint] })
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn collection(
    State(open311): State<Arc<Open311>>,
    Path(document): Path<String>,
    query: axum::extract::Query<read::RequestsQuery>,
    caller: axum::Extension<kvartal_kernel::Caller>,
) -> Response {
    match Format::split(&document) {
        Some(("services", format)) => read::services(&open311, format).await,
        Some(("requests", format)) => read::requests(&open311, format, &query.0, &caller.0).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// An error as the standard writes it.
fn refuse(format: Format, error: &Error) -> Response {
    let status = match error.kind() {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::InvalidArgument | Kind::FailedPrecondition | Kind::AlreadyExists | Kind::Aborted => {
            StatusCode::BAD_REQUEST
        }
        Kind::PermissionDenied | Kind::Unauthenticated => StatusCode::FORBIDDEN,
        Kind::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable | Kind::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => {
            tracing::error!(error = error.chain(), "an Open311 request failed");
            return format::problems(format, StatusCode::INTERNAL_SERVER_ERROR, vec!["our fault; try later".into()]);
        }
    };
    let fields: Vec<_> = error.field_violations().iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    let descriptions = if fields.is_empty() { vec![error.message().to_owned()] } else { fields };
    format::problems(format, status, descriptions)
}
