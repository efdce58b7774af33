//! Calls passed on to a service of another process under their own callers' names, as an edge does it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kvartal_contract::{Contract, Method};
use kvartal_kernel::{Clock, Error};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use crate::channel::Route;
use crate::client::{self, Patience, Want};
use crate::status::too_late;
use crate::tls::EDGE;
use crate::{RemoteOptions, Request, Response, criticality, deadline};

/// The service ends its calls at their deadlines, and says so better than we could; only if it does not, we do.
const SLACK: Duration = Duration::from_secs(1);
/// Longest wait for the beginning of an answer that is no RPC's.
const PAGE: Duration = Duration::from_secs(30);

/// The way to one service of another process. Endpoints are picked, taken out and tried again as for a
/// [`Channel`](crate::Channel); identity, deadline and span are the service's own business. A clone is cheap.
#[derive(Clone)]
pub struct Passage(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    route: Route,
    methods: HashMap<&'static str, (&'static Method, Arc<Patience>)>,
    /// With requests that are no RPCs.
    patience: Arc<Patience>,
}

impl Passage {
    /// To the service `name` at an address as in [`Remote::url`](crate::Remote::url).
    pub fn new(
        contract: &'static Contract,
        clock: Arc<dyn Clock>,
        name: &str,
        url: &str,
        options: &RemoteOptions,
    ) -> Result<Self, Error> {
        let route = Route::new(name);
        route.lead(url, options)?;
        let methods = contract.methods().filter(|method| method.domain == name);
        let methods = methods.map(|method| (method.path.as_str(), (method, Arc::default()))).collect();
        Ok(Self(Arc::new(Inner { clock, route, methods, patience: Arc::default() })))
    }

    /// Passes a call on. Must run within a tokio runtime.
    pub async fn pass(&self, request: Request) -> Result<Response, Status> {
        let Inner { clock, route, methods, .. } = &*self.0;
        let (Some((method, patience)), Some(balancer)) = (methods.get(request.uri().path()), route.remote(EDGE, clock))
        else {
            return Err(Status::unimplemented("there is no such method in the contract of the service"));
        };
        let asked = deadline::read(request.headers()).unwrap_or_default();
        let at = Instant::now() + asked.map_or(method.deadline + SLACK, |asked| asked.min(method.deadline));
        let criticality = criticality::read(request.headers()).unwrap_or_default();
        let want = Want { cut: at + SLACK, ..Want::of(method, patience, at) };
        let answer = client::call(&balancer, criticality, want, Box::new(request));
        timeout_at(at + SLACK, Box::pin(answer)).await.unwrap_or_else(|_| Err(too_late()))
    }

    /// Passes a request on that is no RPC, such as one for a photo. Must run within a tokio runtime.
    pub async fn page(&self, request: Request) -> Result<Response, Status> {
        let Inner { clock, route, patience, .. } = &*self.0;
        let Some(balancer) = route.remote(EDGE, clock) else { return Err(Status::unimplemented("there is nobody")) };
        let at = Instant::now() + PAGE;
        let want = Want::page(patience, at);
        timeout_at(at, Box::pin(client::page(&balancer, &want, request))).await.unwrap_or_else(|_| Err(too_late()))
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passage")
    }
}
