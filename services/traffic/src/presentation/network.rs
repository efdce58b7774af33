//! The RPCs of `kvartal.traffic.v1.NetworkService`, and tiles as plain pages.

mod convert;
mod pages;
mod vector_tile;

use std::sync::Arc;

use kvartal_kernel::{Error, PageRequest};
use kvartal_mesh::to_status;
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use crate::application::network::NetworkDesk;
use crate::domain::network::tile::TileId;
use convert::{district_message, new_district, new_segment, segment_filter, segment_message, segment_update};

pub(crate) use convert::{bounds, point, point_message};
pub(crate) use pages::routes as tile_routes;

/// Answers the RPCs.
pub(crate) struct NetworkGrpc {
    desk: Arc<NetworkDesk>,
}

impl NetworkGrpc {
    /// Over the desk.
    pub(crate) fn new(desk: Arc<NetworkDesk>) -> Self {
        Self { desk }
    }

    fn list(&self, request: pb::ListSegmentsRequest) -> Result<pb::ListSegmentsResponse, Error> {
        let filter = segment_filter(request.filter)?;
        let scope = format!("segments {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let network = self.desk.network();
        let page = network.page(&filter, page);
        let next_page_token = page.next_token(&scope);
        let segments = page.items.iter().map(|segment| segment_message(&network, segment)).collect();
        Ok(pb::ListSegmentsResponse { segments, next_page_token })
    }

    async fn tile(&self, request: pb::GetMapTileRequest) -> Result<pb::GetMapTileResponse, Error> {
        let id = TileId::new(request.zoom, request.column, request.row)?;
        let drawn = pages::draw(self.desk.network(), id).await?;
        Ok(pb::GetMapTileResponse {
            content: drawn.content.into(),
            content_type: vector_tile::CONTENT_TYPE.to_owned(),
            omitted_count: drawn.omitted,
        })
    }

    async fn create(&self, request: pb::CreateSegmentRequest) -> Result<pb::CreateSegmentResponse, Error> {
        let segment = request.segment.ok_or_else(|| Error::invalid("segment", "must be given"))?;
        let segment = self.desk.create(new_segment(segment, "segment.")?).await?;
        Ok(pb::CreateSegmentResponse { segment: Some(segment_message(&self.desk.network(), &segment)) })
    }

    async fn update(&self, request: pb::UpdateSegmentRequest) -> Result<pb::UpdateSegmentResponse, Error> {
        let (name, patch, etag) = segment_update(request)?;
        let segment = self.desk.update(name, patch, etag).await?;
        Ok(pb::UpdateSegmentResponse { segment: Some(segment_message(&self.desk.network(), &segment)) })
    }

    async fn put(&self, request: pb::BatchPutSegmentsRequest) -> Result<pb::BatchPutSegmentsResponse, Error> {
        let named = request.segments.into_iter().enumerate();
        let segments = named.map(|(index, segment)| new_segment(segment, &format!("segments[{index}].")));
        let counts = self.desk.put(segments.collect::<Result<_, _>>()?).await?;
        Ok(pb::BatchPutSegmentsResponse {
            created_count: counts.created,
            updated_count: counts.updated,
            unchanged_count: counts.unchanged,
        })
    }

    async fn put_district(&self, mut request: pb::PutDistrictRequest) -> Result<pb::PutDistrictResponse, Error> {
        let etag = std::mem::take(&mut request.etag);
        let district = self.desk.put_district(new_district(request)?, etag).await?;
        Ok(pb::PutDistrictResponse { district: Some(district_message(&district)) })
    }
}

#[tonic::async_trait]
impl pb::network_service_server::NetworkService for NetworkGrpc {
    async fn get_segment(
        &self,
        request: Request<pb::GetSegmentRequest>,
    ) -> Result<Response<pb::GetSegmentResponse>, Status> {
        let segment = self.desk.segment(&request.into_inner().segment_id).map_err(to_status)?;
        let segment = Some(segment_message(&self.desk.network(), &segment));
        Ok(Response::new(pb::GetSegmentResponse { segment }))
    }

    async fn list_segments(
        &self,
        request: Request<pb::ListSegmentsRequest>,
    ) -> Result<Response<pb::ListSegmentsResponse>, Status> {
        self.list(request.into_inner()).map(Response::new).map_err(to_status)
    }

    async fn get_map_tile(
        &self,
        request: Request<pb::GetMapTileRequest>,
    ) -> Result<Response<pb::GetMapTileResponse>, Status> {
        self.tile(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn create_segment(
        &self,
        request: Request<pb::CreateSegmentRequest>,
    ) -> Result<Response<pb::CreateSegmentResponse>, Status> {
        self.create(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn update_segment(
        &self,
        request: Request<pb::UpdateSegmentRequest>,
    ) -> Result<Response<pb::UpdateSegmentResponse>, Status> {
        self.update(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn delete_segment(
        &self,
        request: Request<pb::DeleteSegmentRequest>,
    ) -> Result<Response<pb::DeleteSegmentResponse>, Status> {
        let pb::DeleteSegmentRequest { segment_id, etag } = request.into_inner();
        self.desk.delete(segment_id, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteSegmentResponse {}))
    }

    async fn batch_put_segments(
        &self,
        request: Request<pb::BatchPutSegmentsRequest>,
    ) -> Result<Response<pb::BatchPutSegmentsResponse>, Status> {
        self.put(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_districts(
        &self,
        _: Request<pb::ListDistrictsRequest>,
    ) -> Result<Response<pb::ListDistrictsResponse>, Status> {
        let districts = self.desk.network().districts().iter().map(|district| district_message(district)).collect();
        Ok(Response::new(pb::ListDistrictsResponse { districts }))
    }

    async fn put_district(
        &self,
        request: Request<pb::PutDistrictRequest>,
    ) -> Result<Response<pb::PutDistrictResponse>, Status> {
        self.put_district(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn delete_district(
        &self,
        request: Request<pb::DeleteDistrictRequest>,
    ) -> Result<Response<pb::DeleteDistrictResponse>, Status> {
        let pb::DeleteDistrictRequest { district_id, etag } = request.into_inner();
        self.desk.delete_district(district_id, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteDistrictResponse {}))
    }
}
