//! Listening sockets with every limit set.

use std::convert::Infallible;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use kvartal_kernel::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::service::Request;

/// How a socket is served.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Whether HTTP/1.1 is spoken beside HTTP/2.
    pub http1: bool,
    /// How many proxies stand before it and append to `x-forwarded-for`; see [`crate::Peer::behind`].
    pub trusted_proxies: usize,
    /// Most connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// A connection is told to go away after this, give or take a tenth, so that load and certificates move on.
    pub connection_age: Duration,
    /// How long connections may take to end after `stop`; then they are cut.
    pub grace: Duration,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            http1: false,
            trusted_proxies: 0,
            connections_max: 10_000,
            connection_age: Duration::from_secs(20 * 60),
            grace: Duration::from_secs(20),
        }
    }
}

/// The connection builder of every listening socket. hyper and tonic leave several of these limits off by default.
pub fn server() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().timer(TokioTimer::new());
    builder
}

/// Serves `service` on `listener` until `stop`, then lets connections end within [`Listen::grace`]. Each request carries a
/// [`crate::Peer`].
pub async fn serve<S, B>(listener: TcpListener, service: S, how: Listen, stop: CancellationToken) -> Result<(), Error>
where
    S: tower::Service<Request, Response = http::Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _ = (listener, service, how, stop);
    Err(Error::internal("to come"))
}
