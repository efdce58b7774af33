//! The RPCs of `kvartal.traffic.v1.LiveService`.

use kvartal_mesh::stream::Reply;
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct LiveGrpc;

#[tonic::async_trait]
impl pb::live_service_server::LiveService for LiveGrpc {
    type WatchTrafficStream = Reply<pb::WatchTrafficResponse>;

    async fn watch_traffic(
        &self,
        _: Request<pb::WatchTrafficRequest>,
    ) -> Result<Response<Self::WatchTrafficStream>, Status> {
        Err(Status::unimplemented("WatchTraffic is not built yet"))
    }
}
