//! Tiles over plain HTTP, as map libraries fetch them, with an ETag: browsers keep the roads and only states stream.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use kvartal_host::error_response;
use kvartal_kernel::Error;

use super::vector_tile;
use crate::application::network::NetworkDesk;
use crate::domain::network::Network;
use crate::domain::network::tile::TileId;

/// A tile as it is sent.
pub(super) struct DrawnTile {
    pub(super) content: Vec<u8>,
    pub(super) omitted: u32,
}

/// Draws a tile, away from the threads that answer calls: a full one takes some tens of milliseconds.
pub(super) async fn draw(network: Arc<Network>, id: TileId) -> Result<DrawnTile, Error> {
    let drawing = tokio::task::spawn_blocking(move || {
        let tile = network.tile(id);
        DrawnTile { content: vector_tile::encode(&tile), omitted: tile.omitted }
    });
    drawing.await.map_err(|error| Error::internal("a tile could not be drawn").because(error))
}

/// The routes.
pub(crate) fn routes(desk: Arc<NetworkDesk>) -> Router {
    Router::new().route("/map-tiles/{zoom}/{column}/{row}", get(tile)).with_state(desk)
}

async fn tile(
    State(desk): State<Arc<NetworkDesk>>,
    Path((zoom, column, row)): Path<(u32, u32, u32)>,
    headers: HeaderMap,
) -> Response {
    let network = desk.network();
    // Roads change seldom and all at once: the revision tells whether any of them did.
    let etag = format!("\"{zoom}-{column}-{row}-{}\"", network.revision());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let answer = async {
        let id = TileId::new(zoom, column, row)?;
        if known.is_some_and(|known| known.split(',').any(|known| known.trim() == etag)) {
            return Ok(StatusCode::NOT_MODIFIED.into_response());
        }
        let drawn = draw(network, id).await?;
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(vector_tile::CONTENT_TYPE))];
        Ok((kind, drawn.content).into_response())
    };
    let mut response = match answer.await {
        Ok(response) => response,
        Err(error) => return error_response(&error),
    };
    // Ask again each time: the answer is mostly that nothing changed.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
