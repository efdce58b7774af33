//! The RPCs of `kvartal.traffic.v1.CameraService`.

use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct CameraGrpc;

#[tonic::async_trait]
impl pb::camera_service_server::CameraService for CameraGrpc {
    async fn get_camera(&self, _: Request<pb::GetCameraRequest>) -> Result<Response<pb::GetCameraResponse>, Status> {
        Err(Status::unimplemented("GetCamera is not built yet"))
    }

    async fn list_cameras(
        &self,
        _: Request<pb::ListCamerasRequest>,
    ) -> Result<Response<pb::ListCamerasResponse>, Status> {
        Err(Status::unimplemented("ListCameras is not built yet"))
    }

    async fn create_camera(
        &self,
        _: Request<pb::CreateCameraRequest>,
    ) -> Result<Response<pb::CreateCameraResponse>, Status> {
        Err(Status::unimplemented("CreateCamera is not built yet"))
    }

    async fn update_camera(
        &self,
        _: Request<pb::UpdateCameraRequest>,
    ) -> Result<Response<pb::UpdateCameraResponse>, Status> {
        Err(Status::unimplemented("UpdateCamera is not built yet"))
    }

    async fn delete_camera(
        &self,
        _: Request<pb::DeleteCameraRequest>,
    ) -> Result<Response<pb::DeleteCameraResponse>, Status> {
        Err(Status::unimplemented("DeleteCamera is not built yet"))
    }

    async fn upload_camera_frame(
        &self,
        _: Request<pb::UploadCameraFrameRequest>,
    ) -> Result<Response<pb::UploadCameraFrameResponse>, Status> {
        Err(Status::unimplemented("UploadCameraFrame is not built yet"))
    }
}
