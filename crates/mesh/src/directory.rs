//! Which service is where.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use futures::StreamExt as _;
use kvartal_contract::Contract;
use kvartal_kernel::{Clock, Error};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::auth::MeshKey;
use crate::channel::Route;
use crate::client::{Address, ServiceView};
use crate::{BoxService, Channel, RemoteOptions};

/// Names services and leads to them. Channels bind late: services of one process may start in any order, and a channel
/// made before its service is there begins to work when it is.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    contract: &'static Contract,
    clock: Arc<dyn Clock>,
    remote: Option<Remote>,
    routes: RwLock<HashMap<String, Arc<Route>>>,
}

/// How services of other processes are reached.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where a service listens, with `{service}` for its name: `http://{service}:9090`, several of these with commas
    /// between, every address of a name with `dns://{service}:9090`, or the ready pods of a Kubernetes service with
    /// `k8s://namespace/{service}:port`.
    pub url: String,
    /// The secret with which services know each other where the address begins with `http://`.
    pub key: Option<MeshKey>,
    /// Connections and their limits.
    pub options: RemoteOptions,
}

impl Directory {
    /// A directory of one process. Without `remote`, services that are not registered here are unavailable.
    pub fn new(contract: &'static Contract, clock: Arc<dyn Clock>, remote: Option<Remote>) -> Self {
        Self(Arc::new(Inner { contract, clock, remote, routes: RwLock::default() }))
    }

    /// Makes a service of this process known; it takes precedence over a remote one. `name` is the service's domain, such
    /// as `identity`.
    pub fn register(&self, name: &str, service: BoxService) {
        self.route(name).set_local(service);
    }

    /// The service of this process, if it is registered, for edges that pass calls in under their own callers' names.
    pub fn local(&self, name: &str) -> Option<BoxService> {
        self.0.routes.read().unwrap_or_else(PoisonError::into_inner).get(name)?.local()
    }

    /// Names the address of one service of another process, in place of [`Remote::url`]. It counts for channels made
    /// afterwards. Fails without a [`Remote`], whose identity or secret the calls need, and for what is no address.
    pub fn reach(&self, name: &str, url: &str) -> Result<(), Error> {
        self.route(name).lead(url, &self.remote()?.options)
    }

    /// Names the endpoints of one service of other processes, as they come and go, in place of [`Remote::url`]. It counts
    /// for channels made afterwards. Fails without a [`Remote`].
    pub fn follow(&self, name: &str, endpoints: watch::Receiver<BTreeSet<Address>>) -> Result<(), Error> {
        let discover = Box::new(move |_| WatchStream::new(endpoints.clone()).boxed());
        self.route(name).set_remote(discover, self.remote()?.options.clone());
        Ok(())
    }

    fn remote(&self) -> Result<&Remote, Error> {
        self.0.remote.as_ref().ok_or_else(|| Error::internal("this process has no secret to call others with"))
    }

    /// How the ways to services of other processes are, for people who look after them: those that have been called.
    pub fn admin(&self) -> Vec<ServiceView> {
        let routes = self.0.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut views: Vec<_> = routes.values().flat_map(|route| route.views()).collect();
        views.sort_by(|one, other| (&one.service, &one.caller).cmp(&(&other.service, &other.caller)));
        views
    }

    /// A channel to the service `name` on which the service `caller` calls. Fails for a service that no contract knows.
    pub fn channel(&self, name: &str, caller: &'static str) -> Result<Channel, Error> {
        if !self.0.contract.domains().any(|domain| domain == name) {
            return Err(Error::internal(format!("no contract knows the service {name}")));
        }
        let route = self.route(name);
        if let Some(remote) = &self.0.remote
            && !route.has_remote()
        {
            route.lead(&remote.url.replace("{service}", name), &remote.options)?;
        }
        let key = self.0.remote.as_ref().and_then(|remote| remote.key.clone());
        Ok(Channel::new(self.0.contract, Arc::clone(&self.0.clock), route, caller, key))
    }

    fn route(&self, name: &str) -> Arc<Route> {
        let mut routes = self.0.routes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(name.to_owned()).or_insert_with(|| Arc::new(Route::new(name))))
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory")
    }
}
