//! The client side: how one service calls another.

use std::collections::HashMap;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use kvartal_contract::{Contract, Method};
use kvartal_kernel::{Clock, Error};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tokio_util::sync::DropGuard;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument as _;

use crate::auth::{MESH_HEADER, MeshKey};
use crate::client::{self, Balancer, Endpoints, Patience, RemoteOptions, Security, ServiceView, Target, Want};
use crate::metrics::{Instruments, Measured, Observation, Side};
use crate::server::LocalService;
use crate::service::{BoxFuture, BoxService, Request, Response};
use crate::status::{to_status, too_late};
use crate::{Criticality, criticality, deadline, trace};

/// Finds the endpoints of a service of other processes; told when one is lost.
type Discover = Box<dyn Fn(Arc<Notify>) -> Endpoints + Send + Sync>;

/// The way to one service, in this process or another.
pub(crate) struct Route {
    name: String,
    local: RwLock<Option<BoxService>>,
    remote: OnceLock<Remote>,
}

/// The way to other processes. It is taken with the first call: most services of one process are registered after the
/// channels to them are made, and nobody shall look for those elsewhere.
struct Remote {
    options: RemoteOptions,
    discover: Discover,
    /// By caller. With TLS each calls under its own name; otherwise they share what stands under the empty one.
    balancers: RwLock<HashMap<&'static str, (Arc<Balancer>, DropGuard)>>,
}

impl Route {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), local: RwLock::default(), remote: OnceLock::new() }
    }

    pub(crate) fn set_local(&self, service: BoxService) {
        *self.local.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    pub(crate) fn local(&self) -> Option<BoxService> {
        self.local.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Only the first way counts.
    pub(crate) fn set_remote(&self, discover: Discover, options: RemoteOptions) {
        // Whoever was faster has said where it is.
        let _ = self.remote.set(Remote { options, discover, balancers: RwLock::default() });
    }

    /// Sets the way to an address, if there is none yet. `http://` is never encrypted and `https://` always; what is
    /// discovered is as the options say.
    pub(crate) fn lead(&self, url: &str, options: &RemoteOptions) -> Result<(), Error> {
        let target = Target::parse(url)?;
        let mut options = options.clone();
        if url.starts_with("http://") {
            options.security = Security::Plain;
        } else if url.starts_with("https://") && matches!(options.security, Security::Plain) {
            return Err(Error::internal(format!("{url} needs an identity, and this process has none")));
        }
        self.set_remote(Box::new(move |lost| target.clone().follow(lost)), options);
        Ok(())
    }

    pub(crate) fn has_remote(&self) -> bool {
        self.remote.get().is_some()
    }

    /// Must run within a tokio runtime: connections live in its tasks.
    pub(crate) fn remote(&self, caller: &'static str, clock: &Arc<dyn Clock>) -> Option<Arc<Balancer>> {
        let remote = self.remote.get()?;
        let caller = if matches!(remote.options.security, Security::Plain) { "" } else { caller };
        let balancers = remote.balancers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((balancer, _)) = balancers.get(caller) {
            return Some(Arc::clone(balancer));
        }
        drop(balancers);
        let mut balancers = remote.balancers.write().unwrap_or_else(PoisonError::into_inner);
        let (balancer, _) = balancers.entry(caller).or_insert_with(|| {
            let options = remote.options.clone();
            let started = Balancer::start(&self.name, caller, options, Arc::clone(clock), &remote.discover);
            client::observe(&opentelemetry::global::meter("kvartal"), &started.0);
            started
        });
        Some(Arc::clone(balancer))
    }

    /// How the ways that have been taken are.
    pub(crate) fn views(&self) -> Vec<ServiceView> {
        let Some(remote) = self.remote.get() else { return Vec::new() };
        let balancers = remote.balancers.read().unwrap_or_else(PoisonError::into_inner);
        balancers.values().map(|(balancer, _)| balancer.view()).collect()
    }

    /// Whether the certificate says who calls, and no token needs to.
    fn encrypted(&self) -> bool {
        self.remote.get().is_some_and(|remote| matches!(remote.options.security, Security::Tls(_)))
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
    methods: HashMap<&'static str, Entry>,
    /// Taken with the first call to another process.
    balancer: OnceLock<Arc<Balancer>>,
}

struct Entry {
    method: &'static Method,
    measured: Arc<Measured>,
    patience: Arc<Patience>,
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
        let methods = contract.methods_of(&route.name);
        let methods = methods.map(|method| {
            let measured = Arc::new(Measured::new(instruments.clone(), method));
            (method.path.as_str(), Entry { method, measured, patience: Arc::default() })
        });
        let methods = methods.collect();
        Self(Arc::new(Inner { clock, route, caller, key, methods, balancer: OnceLock::new() }))
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
    async fn call(&self, mut request: Box<Request>) -> Result<Response, Status> {
        let Some(entry) = self.methods.get(request.uri().path()) else {
            return Err(Status::unimplemented("there is no such method in the contract of the service"));
        };
        let mut observation = Observation::start(Arc::clone(&entry.measured));
        // What a handler wrote itself is honoured; a malformed value counts as none.
        let asked = deadline::read(request.headers()).unwrap_or_default();
        let Some(budget) = deadline::budget(entry.method.deadline, asked, deadline::remaining()) else {
            observation.end(Code::DeadlineExceeded);
            return Err(too_late());
        };
        let at = observation.started() + budget;
        let criticality = criticality::of_call(request.headers_mut());
        let span = observation.span().clone();
        let answer = match self.route.local() {
            Some(service) => {
                deadline::write(request.headers_mut(), budget);
                trace::inject(&span, request.headers_mut());
                request.extensions_mut().insert(LocalService(self.caller));
                let answer = timeout_at(at, service.handle(*request)).instrument(span).await;
                answer.map_err(|_| too_late())
            }
            None => {
                let want = Want::of(entry.method, &entry.patience, at);
                self.send(request, criticality, want).instrument(span).await
            }
        };
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

    /// To another process. Deadline and trace are written for each attempt.
    async fn send(&self, mut request: Box<Request>, criticality: Criticality, want: Want) -> Result<Response, Status> {
        let balancer = match self.balancer.get() {
            Some(balancer) => balancer,
            None => {
                let Some(balancer) = self.route.remote(self.caller, &self.clock) else {
                    let message = format!("the service {} is not there", self.route.name);
                    return Err(to_status(Error::unavailable("SERVICE_UNAVAILABLE", message)));
                };
                self.balancer.get_or_init(|| balancer)
            }
        };
        if let Some(key) = &self.key
            && !self.route.encrypted()
        {
            let token = key.token(self.caller, &self.route.name, self.clock.now()).map_err(to_status)?;
            request.headers_mut().insert(&MESH_HEADER, token);
        }
        // Boxed: calls within the process must not carry its size about.
        Box::pin(client::call(balancer, criticality, want, request)).await
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
        let (inner, request) = (Arc::clone(&self.0), Box::new(request));
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
