//! Listening sockets with every limit set.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use kvartal_kernel::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;

use super::admit::ProvedPeer;
use super::handshake::{Handshakes, Proved, Tls};
use crate::Peer;
use crate::dormant::Dormant;
use crate::service::Request;

/// Calls at once on one connection.
const STREAMS_PER_CONNECTION: u32 = 256;
/// Streams that a peer may make us reset before the connection ends (RUSTSEC-2024-0003); unlimited when unset.
const LOCAL_ERROR_RESETS: usize = 1_024;
/// Streams that a peer may open and reset before they are accepted (rapid reset).
const PENDING_ACCEPT_RESETS: usize = 20;
/// Bytes of headers of one call.
const HEADER_BYTES: u32 = 16 * 1024;
/// A connection on which nothing was asked for this long is closed.
const FIRST_CALL: Duration = Duration::from_secs(30);
/// The shortest age of a connection, however little is left of the certificates it began with.
const CONNECTION_AGE_MIN: Duration = Duration::from_secs(1);
/// Pause after an accept that failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a socket is served.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Whether HTTP/1.1 is spoken beside HTTP/2.
    pub http1: bool,
    /// How many proxies stand before it and append to `x-forwarded-for`; see [`Peer::behind`]. With TLS it counts for
    /// requests of the edge only.
    pub trusted_proxies: usize,
    /// Most connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// A connection is told to go away after this, give or take a tenth, so that load and certificates move on; with TLS
    /// sooner, after half of what is left of the certificates it began with.
    pub connection_age: Duration,
    /// How long connections may take to end after `stop`; then they are cut.
    pub grace: Duration,
    /// With it, only services of the installation are answered, and each request comes from whom the certificate names.
    pub tls: Option<Tls>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            http1: false,
            trusted_proxies: 0,
            connections_max: 10_000,
            connection_age: Duration::from_secs(20 * 60),
            grace: Duration::from_secs(20),
            tls: None,
        }
    }
}

/// The connection builder of every listening socket. hyper and tonic leave several of these limits off by default.
pub fn server() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_local_error_reset_streams(LOCAL_ERROR_RESETS)
        .max_pending_accept_reset_streams(PENDING_ACCEPT_RESETS)
        .max_header_list_size(HEADER_BYTES)
        .max_frame_size(16 * 1024)
        .max_send_buf_size(256 * 1024)
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .max_buf_size(64 * 1024)
        .keep_alive(true);
    builder
}

/// Serves `service` on `listener` until `stop`, then lets connections end within [`Listen::grace`]. Each request carries a
/// [`Peer`]. `service` is an axum router of several [`crate::BoxService`]s, or one of them.
pub async fn serve<S, B>(listener: TcpListener, service: S, how: Listen, stop: CancellationToken) -> Result<(), Error>
where
    S: tower::Service<Request, Response = http::Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let builder = if how.http1 { server() } else { server().http2_only() };
    let handshakes = how.tls.clone().map(Handshakes::new).transpose()?;
    let server = Arc::new(Server { builder, how, handshakes, stop, accepted: AtomicU64::new(0) });
    let places = Arc::new(Semaphore::new(server.how.connections_max));
    let connections = TaskTracker::new();
    loop {
        let (stream, address, place) = tokio::select! {
            () = server.stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (server, service) = (Arc::clone(&server), service.clone());
        connections.spawn(async move {
            let _place = place;
            server.connection(service, stream, address).await;
        });
    }
    drop(listener);
    connections.close();
    // Each connection cuts itself off when its grace is over; this waits for all of them.
    connections.wait().await;
    Ok(())
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, IpAddr, Option<OwnedSemaphorePermit>) {
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address.ip(), place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

struct Server {
    builder: Builder<TokioExecutor>,
    how: Listen,
    handshakes: Option<Handshakes>,
    stop: CancellationToken,
    accepted: AtomicU64,
}

/// A connection, encrypted or not: one type, so that everything behind it is compiled once.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Where the requests of one connection come from.
#[derive(Clone)]
struct Origin {
    address: IpAddr,
    /// The same as text.
    text: Arc<str>,
    trusted_proxies: usize,
    peer: Option<ProvedPeer>,
}

impl Server {
    async fn connection<S, B>(&self, service: S, stream: TcpStream, address: IpAddr)
    where
        S: tower::Service<Request, Response = http::Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // Small answers must not wait for acknowledgements; without it they are only slower.
        let _ = stream.set_nodelay(true);
        let trusted_proxies = self.how.trusted_proxies;
        let text = Arc::from(address.to_canonical().to_string());
        let age = self.age();
        let Some(handshakes) = &self.handshakes else {
            let origin = Origin { address, text, trusted_proxies, peer: None };
            return self.converse(service, Box::new(stream), origin, age).await;
        };
        let proved = tokio::select! {
            () = self.stop.cancelled() => return,
            proved = handshakes.shake(stream) => proved,
        };
        let Some(Proved { stream, peer, left }) = proved else { return };
        // Others than the edge speak for themselves: what they say about addresses is not asked for.
        let trusted_proxies = if peer.is_edge() { trusted_proxies } else { 0 };
        let origin = Origin { address, text, trusted_proxies, peer: Some(peer) };
        let age = age.min((left / 2).max(CONNECTION_AGE_MIN));
        self.converse(service, Box::new(stream), origin, age).await;
    }

    async fn converse<S, B>(&self, service: S, stream: Box<dyn Io>, origin: Origin, age: Duration)
    where
        S: tower::Service<Request, Response = http::Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let used = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&used);
        let service = service_fn(move |request: http::Request<Incoming>| {
            mark.store(true, Ordering::Relaxed);
            answer(service.clone(), request, &origin)
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let old = Dormant::new(async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(age) => {}
            }
        });
        let unused = Dormant::new(async {
            tokio::time::sleep(FIRST_CALL).await;
            if used.load(Ordering::Relaxed) {
                std::future::pending().await
            }
        });
        tokio::select! {
            biased;
            _ = &mut connection => return,
            () = old => {}
            () = unused => return,
        }
        connection.as_mut().graceful_shutdown();
        // After its age a connection may end its calls in peace, at shutdown within the grace.
        let cut = Dormant::new(async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.how.grace).await;
        });
        tokio::select! {
            biased;
            _ = &mut connection => {}
            () = cut => {}
        }
    }

    /// The age of the next connection: between nine and eleven tenths, so that they do not all end at once.
    fn age(&self) -> Duration {
        let tenths = self.accepted.fetch_add(1, Ordering::Relaxed) * 7 % 21;
        let part = self.how.connection_age / 100;
        self.how.connection_age - part * 10 + part * u32::try_from(tenths).unwrap_or(10)
    }
}

fn answer<S, B>(
    mut service: S,
    request: http::Request<Incoming>,
    origin: &Origin,
) -> impl Future<Output = Result<http::Response<B>, Infallible>> + use<S, B>
where
    S: tower::Service<Request, Response = http::Response<B>, Error = Infallible>,
{
    let mut request = request.map(Body::new);
    let peer = match origin.trusted_proxies {
        0 => Peer::at(&origin.text, request.headers()),
        proxies => Peer::behind(proxies, Some(origin.address), request.headers()),
    };
    request.extensions_mut().insert(peer);
    if let Some(peer) = &origin.peer {
        request.extensions_mut().insert(peer.clone());
    }
    async move {
        std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    }
}
