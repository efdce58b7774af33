//! Plain HTTP beside the RPCs: Open311, the work-zone feed, photos for pages and feeds.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use kvartal_host::error_response;
use kvartal_kernel::{Caller, Clock, Error};
use serde::Deserialize;

use super::open311::{self, Open311};
use super::wzdx;
use crate::application::incidents::IncidentDesk;
use crate::application::photos::PhotoDesk;
use crate::domain::feed::ExportedIncident;
use crate::domain::incident::IncidentKind;
use crate::domain::photo::{PhotoId, PhotoSize};

/// Rows read at a time for a feed, and at most: as many as an import takes.
const EXPORT_PAGE: u64 = 500;
const EXPORT_MAX: usize = 5_000;

/// What the handlers work with.
pub(crate) struct Pages {
    /// Where incidents are exported.
    pub(crate) incidents: Arc<IncidentDesk>,
    /// Where photos are handed out.
    pub(crate) photos: Arc<PhotoDesk>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Who publishes the feed.
    pub(crate) publisher: String,
}

/// The routes.
pub(crate) fn routes(pages: Pages, open311: Open311) -> Router {
    Router::new()
        .route("/wzdx/v4.2/work-zones.geojson", get(work_zones))
        .route("/photos/{photo}", get(photo))
        .with_state(Arc::new(pages))
        .merge(open311::routes(Arc::new(open311)))
}

async fn work_zones(State(pages): State<Arc<Pages>>) -> Response {
    match export(&pages.incidents).await {
        Ok(incidents) => {
            let feed = wzdx::write(&pages.publisher, &incidents, pages.clock.now());
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"))];
            (kind, Json(feed)).into_response()
        }
        Err(error) => error_response(&error),
    }
}

async fn export(incidents: &IncidentDesk) -> Result<Vec<ExportedIncident>, Error> {
    let kinds = [IncidentKind::Roadwork, IncidentKind::Closure];
    let mut all: Vec<ExportedIncident> = Vec::new();
    loop {
        let after = all.last().map(|exported| exported.incident.id);
        let page = incidents.export(&kinds, after, EXPORT_PAGE).await?;
        let last = page.is_empty();
        all.extend(page);
        if last || all.len() >= EXPORT_MAX {
            all.truncate(EXPORT_MAX);
            return Ok(all);
        }
    }
}

#[derive(Deserialize)]
struct PhotoQuery {
    #[serde(default)]
    thumbnail: bool,
}

async fn photo(
    State(pages): State<Arc<Pages>>,
    Path(photo): Path<String>,
    Query(query): Query<PhotoQuery>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let size = if query.thumbnail { PhotoSize::Thumbnail } else { PhotoSize::Full };
    let content = async { pages.photos.get(&caller, PhotoId::parse("photo", &photo)?, size).await };
    match content.await {
        Ok(content) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                // A report may be hidden later: caches ask again.
                (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60")),
            ];
            (StatusCode::OK, headers, content).into_response()
        }
        Err(error) => error_response(&error),
    }
}
