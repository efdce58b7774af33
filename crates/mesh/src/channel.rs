//! The client side: how one service calls another.

use std::collections::HashMap;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use kvartal_contract::{Contract, Method};
use kvartal_kernel::{Clock, Error};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service as _, ServiceExt as _};
use tracing::Instrument as _;

use crate::auth::{MESH_HEADER, MeshKey};
use crate::metrics::{Instruments, Measured, Observation, Side};
use crate::server::LocalService;
use crate::service::{BoxFuture, BoxService, Request, Response};
use crate::status::{to_status, too_late};
use crate::tls::{self, HTTPS, Identities};
use crate::{deadline, trace};

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
    url: OnceLock<String>,
    /// Connections of each caller: a service calls under its own identity.
    remote: RwLock<HashMap<&'static str, Vec<tonic::transport::Channel>>>,
    turn: AtomicUsize,
}

impl Route {
    pub(crate) fn new(name: &str) -> Self {
        let (local, url, remote) = (RwLock::default(), OnceLock::new(), RwLock::default());
        Self { name: name.to_owned(), local, url, remote, turn: AtomicUsize::new(0) }
    }

    pub(crate) fn set_local(&self, service: BoxService) {
        *self.local.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    pub(crate) fn local(&self) -> Option<BoxService> {
        self.local.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Names the address, once; whoever was faster has named the one that counts.
    pub(crate) fn set_remote(&self, url: &str) -> Result<(), Error> {
        tls::endpoint(url)?;
        let _ = self.url.set(url.to_owned());
        Ok(())
    }

    /// Prepares connections for a caller. Must run within a tokio runtime: connections live in its tasks.
    pub(crate) fn connect(
        &self,
        caller: &'static str,
        options: &RemoteOptions,
        identities: Option<&Identities>,
    ) -> Result<(), Error> {
        let Some(url) = self.url.get() else { return Ok(()) };
        let mut remote = self.remote.write().unwrap_or_else(PoisonError::into_inner);
        if remote.contains_key(caller) {
            return Ok(());
        }
        let endpoint = tls::endpoint(url)?
            .connect_timeout(options.connect_timeout)
            .http2_keep_alive_interval(options.keep_alive)
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .tcp_nodelay(true)
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(8 * 1024 * 1024)
            .http2_max_local_error_reset_streams(100_000);
        let mut channels = Vec::new();
        for _ in 0..options.connections.max(1) {
            channels.push(if url.starts_with(HTTPS) {
                let identity = identities.and_then(|identities| identities.of(caller));
                let none = || Error::internal(format!("{url} needs an identity, and this process has none"));
                let connector = tls::connector(identity.ok_or_else(none)?, &self.name, options.connect_timeout)?;
                endpoint.connect_with_connector_lazy(connector)
            } else {
                endpoint.connect_lazy()
            });
        }
        remote.insert(caller, channels);
        Ok(())
    }

    fn remote(&self, caller: &str) -> Option<tonic::transport::Channel> {
        let remote = self.remote.read().unwrap_or_else(PoisonError::into_inner);
        let channels = remote.get(caller)?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        channels.get(turn % channels.len().max(1)).cloned()
    }

    /// Whether the certificate says who calls, and no token needs to.
    fn encrypted(&self) -> bool {
        self.url.get().is_some_and(|url| url.starts_with(HTTPS))
    }
}

/// A channel to one service, for the generated clients: `IdentityServiceClient::new(channel)`. Each call gets what is left
/// of the call it is made for, the trace, and the caller's identity. A clone is cheap.
#[derive(Clone)]
pub struct Channel(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    route: Arc<Route>,
    caller: &'static str,
    key: Option<MeshKey>,
    methods: HashMap<&'static str, (&'static Method, Arc<Measured>)>,
}

impl Channel {
    pub(crate) fn new(
        contract: &'static Contract,
        clock: Arc<dyn Clock>,
        route: Arc<Route>,
        caller: &'static str,
        key: Option<MeshKey>,
    ) -> Self {
        let instruments = Instruments::new(&opentelemetry::global::meter("kvartal"), Side::Client);
        let methods = contract.methods().filter(|method| method.domain == route.name);
        let methods = methods
            .map(|method| (method.path.as_str(), (method, Arc::new(Measured::new(instruments.clone(), method)))));
        let methods = methods.collect();
        Self(Arc::new(Inner { clock, route, caller, key, methods }))
    }

    /// A channel to a service of the same process.
    pub fn local(
        contract: &'static Contract,
        clock: Arc<dyn Clock>,
        name: &str,
        service: BoxService,
        caller: &'static str,
    ) -> Self {
        let route = Route::new(name);
        route.set_local(service);
        Self::new(contract, clock, Arc::new(route), caller, None)
    }
}

impl Inner {
    async fn call(&self, mut request: Request) -> Result<Response, Status> {
        let Some((method, measured)) = self.methods.get(request.uri().path()) else {
            return Err(Status::unimplemented("there is no such method in the contract of the service"));
        };
        let mut observation = Observation::start(Arc::clone(measured));
        // What a handler wrote itself is honoured; a malformed value counts as none.
        let asked = deadline::read(request.headers()).unwrap_or_default();
        let Some(budget) = deadline::budget(method.deadline, asked, deadline::remaining()) else {
            observation.end(Code::DeadlineExceeded);
            return Err(too_late());
        };
        let at = Instant::now() + budget;
        deadline::write(request.headers_mut(), budget);
        let span = observation.span().clone();
        trace::inject(&span, request.headers_mut());
        let answer = timeout_at(at, self.send(request)).instrument(span).await.unwrap_or_else(|_| Err(too_late()));
        match answer {
            Ok(response) => match response.headers().get(Status::GRPC_STATUS) {
                Some(code) => {
                    observation.end(Code::from_bytes(code.as_bytes()));
                    Ok(response)
                }
                None => Ok(response.map(|body| Body::new(ReplyBody::new(body, observation, at)))),
            },
            Err(status) => {
                observation.end(status.code());
                Err(status)
            }
        }
    }

    async fn send(&self, mut request: Request) -> Result<Response, Status> {
        if let Some(service) = self.route.local() {
            request.extensions_mut().insert(LocalService(self.caller));
            return Ok(service.handle(request).await);
        }
        let unavailable = |message| to_status(Error::unavailable("SERVICE_UNAVAILABLE", message));
        let Some(mut remote) = self.route.remote(self.caller) else {
            return Err(unavailable(format!("the service {} is not there", self.route.name)));
        };
        if let Some(key) = &self.key
            && !self.route.encrypted()
        {
            let token = key.token(self.caller, &self.route.name, self.clock.now()).map_err(to_status)?;
            request.headers_mut().insert(MESH_HEADER, token);
        }
        let failed = |error: tonic::transport::Error| {
            // tonic's own timer runs beside ours and may fire in the same instant.
            if causes(&error).any(|cause| cause.is::<tonic::TimeoutExpired>()) {
                return too_late();
            }
            let error = causes(&error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
            tracing::debug!(error, service = self.route.name, "a call did not get through");
            unavailable(format!("the service {} does not answer", self.route.name))
        };
        remote.ready().await.map_err(failed)?;
        remote.call(request).await.map_err(failed)
    }
}

/// An error and what it comes from.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
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
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.call(request).await })
    }
}

/// The body of an answer on the client's side: the deadline holds for it too.
struct ReplyBody {
    inner: Body,
    observation: Observation,
    at: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl ReplyBody {
    fn new(inner: Body, observation: Observation, at: Instant) -> Self {
        Self { inner, observation, at, sleep: None, ended: false }
    }

    fn end(&mut self, code: Code) {
        self.ended = true;
        self.observation.end(code);
        self.inner = Body::empty();
        self.sleep = None;
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        match &polled {
            Poll::Pending => {
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(this.at)));
                if sleep.as_mut().poll(cx).is_ready() {
                    this.end(Code::DeadlineExceeded);
                    return Poll::Ready(Some(Err(too_late())));
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let code = trailers.get(Status::GRPC_STATUS);
                    this.end(code.map_or(Code::Unknown, |code| Code::from_bytes(code.as_bytes())));
                }
            }
            Poll::Ready(Some(Err(status))) => this.end(status.code()),
            Poll::Ready(None) => this.end(Code::Ok),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}
