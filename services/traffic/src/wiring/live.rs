//! The living map.

use std::sync::Arc;

use kvartal_host::{Runtime, Service};

use crate::application::live::Board;
use crate::presentation::{LiveGrpc, LiveServer, Shown};

/// An empty board for the parts to show things on.
pub(crate) fn board(runtime: &Runtime) -> Arc<Board<Shown>> {
    let (high, low) = runtime.clock().now().uuid().as_u64_pair();
    Arc::new(Board::new(high ^ low))
}

/// Adds the part to the service.
pub(crate) fn live(runtime: &Runtime, service: Service, board: Arc<Board<Shown>>) -> Service {
    service.grpc(LiveServer::new(LiveGrpc::new(board, runtime.clock())))
}
