//! The RPCs of `kvartal.traffic.v1.CameraService`, and the newest frame of each camera as a plain page.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use axum::routing::get;
use kvartal_host::error_response;
use kvartal_kernel::{Error, PageRequest, Timestamp};
use kvartal_mesh::to_status;
use kvartal_proto::time::{from_proto, to_proto};
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use super::network::{bounds, point, point_message};
use crate::application::cameras::{CameraDesk, CameraPatch};
use crate::domain::camera::{Camera, CameraFacts, PERIOD_S};

/// Answers the RPCs.
pub(crate) struct CameraGrpc {
    desk: Arc<CameraDesk>,
}

impl CameraGrpc {
    /// Over the desk.
    pub(crate) fn new(desk: Arc<CameraDesk>) -> Self {
        Self { desk }
    }

    fn some(&self, camera: &Camera) -> Option<pb::Camera> {
        Some(camera_message(camera, self.desk.now()))
    }

    async fn list(&self, request: pb::ListCamerasRequest) -> Result<pb::ListCamerasResponse, Error> {
        let bounds = bounds("bounds", request.bounds)?;
        let scope = format!("cameras {bounds:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.list(bounds.as_ref(), page).await?;
        let next_page_token = page.next_token(&scope);
        let now = self.desk.now();
        let cameras = page.items.iter().map(|camera| camera_message(camera, now)).collect();
        Ok(pb::ListCamerasResponse { cameras, next_page_token })
    }

    async fn create(&self, request: pb::CreateCameraRequest) -> Result<Camera, Error> {
        let pb::CreateCameraRequest { camera_id, display_name, location, segment_id, heading_degrees, period_seconds } =
            request;
        let location = location.ok_or_else(|| Error::invalid("location", "must be given"))?;
        let facts = CameraFacts {
            display_name,
            location: point("location", location)?,
            segment: segment_id,
            heading_degrees,
            period_s: period(period_seconds),
        };
        self.desk.create(camera_id, facts).await
    }

    async fn update(&self, request: pb::UpdateCameraRequest) -> Result<Camera, Error> {
        let pb::UpdateCameraRequest {
            camera_id,
            display_name,
            location,
            segment_id,
            heading_degrees,
            period_seconds,
            update_mask,
            etag,
        } = request;
        let mask = update_mask.unwrap_or_default();
        if mask.paths.is_empty() {
            return Err(Error::invalid("update_mask", "must name at least one field"));
        }
        let mut patch = CameraPatch::default();
        for path in &mask.paths {
            match path.as_str() {
                "display_name" => patch.display_name = Some(display_name.clone()),
                "location" => {
                    let location = location.ok_or_else(|| Error::invalid("location", "must be given"))?;
                    patch.location = Some(point("location", location)?);
                }
                "segment_id" => patch.segment = Some(segment_id.clone()),
                "heading_degrees" => patch.heading_degrees = Some(heading_degrees),
                "period_seconds" => patch.period_s = Some(period(period_seconds)),
                other => {
                    let other: String = other.chars().take(100).collect();
                    let known = "display_name, location, segment_id, heading_degrees, period_seconds";
                    return Err(Error::invalid("update_mask", format!("knows no field {other}; it knows {known}")));
                }
            }
        }
        self.desk.update(camera_id, patch, etag).await
    }
}

fn period(seconds: u32) -> u32 {
    if seconds == 0 { PERIOD_S } else { seconds }
}

/// A camera as the contract has it.
pub(super) fn camera_message(camera: &Camera, now: Timestamp) -> pb::Camera {
    let frame = camera.frame.as_ref();
    pb::Camera {
        camera_id: camera.name.clone(),
        display_name: camera.facts.display_name.clone(),
        location: Some(point_message(camera.facts.location)),
        segment_id: camera.facts.segment.clone(),
        heading_degrees: camera.facts.heading_degrees,
        period_seconds: camera.facts.period_s,
        health: camera.health(now).number(),
        frame_time: frame.map(|frame| to_proto(frame.time)),
        frame_age_seconds: frame.map_or(0.0, |frame| now.since(frame.time).as_secs_f64()),
        frame_path: frame.map(|_| format!("/camera-frames/{}.jpg", camera.name)).unwrap_or_default(),
        etag: camera.version.etag(),
    }
}

#[tonic::async_trait]
impl pb::camera_service_server::CameraService for CameraGrpc {
    async fn get_camera(
        &self,
        request: Request<pb::GetCameraRequest>,
    ) -> Result<Response<pb::GetCameraResponse>, Status> {
        let camera = self.desk.get(&request.into_inner().camera_id).await.map_err(to_status)?;
        Ok(Response::new(pb::GetCameraResponse { camera: self.some(&camera) }))
    }

    async fn list_cameras(
        &self,
        request: Request<pb::ListCamerasRequest>,
    ) -> Result<Response<pb::ListCamerasResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn create_camera(
        &self,
        request: Request<pb::CreateCameraRequest>,
    ) -> Result<Response<pb::CreateCameraResponse>, Status> {
        let camera = self.create(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateCameraResponse { camera: self.some(&camera) }))
    }

    async fn update_camera(
        &self,
        request: Request<pb::UpdateCameraRequest>,
    ) -> Result<Response<pb::UpdateCameraResponse>, Status> {
        let camera = self.update(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateCameraResponse { camera: self.some(&camera) }))
    }

    async fn delete_camera(
        &self,
        request: Request<pb::DeleteCameraRequest>,
    ) -> Result<Response<pb::DeleteCameraResponse>, Status> {
        let pb::DeleteCameraRequest { camera_id, etag } = request.into_inner();
        self.desk.delete(camera_id, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteCameraResponse {}))
    }

    async fn upload_camera_frame(
        &self,
        request: Request<pb::UploadCameraFrameRequest>,
    ) -> Result<Response<pb::UploadCameraFrameResponse>, Status> {
        let pb::UploadCameraFrameRequest { camera_id, time, content } = request.into_inner();
        let time = from_proto("time", time.as_ref()).map_err(to_status)?;
        let camera = self.desk.upload(camera_id, time, content.into()).await.map_err(to_status)?;
        Ok(Response::new(pb::UploadCameraFrameResponse { camera: self.some(&camera) }))
    }
}

/// The pages.
pub(crate) fn frame_routes(desk: Arc<CameraDesk>) -> Router {
    Router::new().route("/camera-frames/{file}", get(frame)).with_state(desk)
}

async fn frame(State(desk): State<Arc<CameraDesk>>, Path(file): Path<String>, headers: HeaderMap) -> HttpResponse {
    let name = file.strip_suffix(".jpg").unwrap_or(&file);
    let (time, content) = match desk.picture(name).await {
        Ok(picture) => picture,
        Err(error) => return error_response(&error),
    };
    let etag = format!("\"{}\"", time.0);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let mut response = if known.is_some_and(|known| known.split(',').any(|known| known.trim() == etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (headers, content).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
