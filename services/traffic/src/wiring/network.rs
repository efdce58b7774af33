//! Roads and districts.

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::network_service_server::NetworkServiceServer;
use kvartal_store::Store;

use crate::application::network::{Atlas, NetworkDesk};
use crate::infrastructure::StoredRoads;
use crate::presentation::{NetworkGrpc, tile_routes};

/// How often changes made by other replicas are looked for.
const REPLICA_POLL: Duration = Duration::from_millis(500);
/// Largest request: 2,000 segments of some tens of points.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Adds the part to the service; gives the atlas that the other parts read.
pub(crate) async fn network(
    runtime: &Runtime,
    store: &Store,
    service: Service,
) -> anyhow::Result<(Service, Arc<Atlas>)> {
    let roads = Arc::new(StoredRoads::new(store.clone()));
    let atlas = Arc::new(Atlas::open(roads.clone()).await?);
    if store.is_postgres() {
        // SQLite belongs to this process alone: nobody else changes anything.
        let (follower, stop) = (atlas.clone(), runtime.stop());
        runtime.spawn("network atlas", async move {
            stop.run_until_cancelled(follower.follow(REPLICA_POLL)).await;
        });
    }
    let desk = Arc::new(NetworkDesk::new(roads, atlas.clone(), runtime.clock()));
    let server = NetworkServiceServer::new(NetworkGrpc::new(desk.clone()));
    let service = service.grpc(server.max_decoding_message_size(MESSAGE_BYTES_MAX)).http(tile_routes(desk));
    Ok((service, atlas))
}
