//! The client side: how one service calls another.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use kvartal_contract::Contract;
use kvartal_kernel::{Clock, Error};
use tonic::Status;
use tonic::transport::Endpoint;

use crate::auth::MeshKey;
use crate::service::{BoxFuture, BoxService, Request, Response};

/// Limits of the connections to one service of another process.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Connections, used in turn: one HTTP/2 connection is one lock. At least 1.
    pub connections: usize,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Pause between pings that find dead connections.
    pub keep_alive: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { connections: 2, connect_timeout: Duration::from_secs(2), keep_alive: Duration::from_secs(20) }
    }
}

/// The way to one service, in this process or another.
pub(crate) struct Route {
    name: String,
    local: RwLock<Option<BoxService>>,
    remote: OnceLock<Vec<tonic::transport::Channel>>,
    turn: AtomicUsize,
}

impl Route {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), local: RwLock::default(), remote: OnceLock::new(), turn: AtomicUsize::new(0) }
    }

    pub(crate) fn set_local(&self, service: BoxService) {
        *self.local.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    pub(crate) fn local(&self) -> Option<BoxService> {
        self.local.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Must run within a tokio runtime: connections live in its tasks.
    pub(crate) fn set_remote(&self, url: &str, options: &RemoteOptions) -> Result<(), Error> {
        if self.remote.get().is_some() {
            return Ok(());
        }
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| Error::internal(format!("{url} is no address")).because(error))?
            .connect_timeout(options.connect_timeout)
            .http2_keep_alive_interval(options.keep_alive)
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .tcp_nodelay(true)
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(8 * 1024 * 1024)
            .http2_max_local_error_reset_streams(100_000);
        let channels = (0..options.connections.max(1)).map(|_| endpoint.connect_lazy()).collect();
        // Whoever was faster has set the same.
        let _ = self.remote.set(channels);
        Ok(())
    }

    fn remote(&self) -> Option<tonic::transport::Channel> {
        let channels = self.remote.get()?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        channels.get(turn % channels.len().max(1)).cloned()
    }
}

/// A channel to one service, for the generated clients: `IdentityServiceClient::new(channel)`. A clone is cheap.
#[derive(Clone)]
pub struct Channel(Arc<Inner>);

struct Inner {
    contract: &'static Contract,
    clock: Arc<dyn Clock>,
    route: Arc<Route>,
    caller: &'static str,
    key: Option<MeshKey>,
}

impl Channel {
    pub(crate) fn new(
        contract: &'static Contract,
        clock: Arc<dyn Clock>,
        route: Arc<Route>,
        caller: &'static str,
        key: Option<MeshKey>,
    ) -> Self {
        Self(Arc::new(Inner { contract, clock, route, caller, key }))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("service", &self.0.route.name).field("caller", &self.0.caller).finish()
    }
}

impl tower::Service<Request> for Channel {
    type Response = Response;
    type Error = Status;
    type Future = BoxFuture<Result<Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let _ = request;
        Box::pin(async { Err(Status::unavailable("to come")) })
    }
}
