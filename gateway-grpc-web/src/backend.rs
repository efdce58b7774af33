//! Who answers an RPC: a service of this process, one of another, or the edge itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use http::{HeaderName, HeaderValue, header};
use kvartal_contract::{Access, Contract};
use kvartal_host::Runtime;
use kvartal_kernel::SystemClock;
use kvartal_mesh::tls;
use kvartal_mesh::{Directory, Passage, Peer, RemoteOptions, Request, Response};
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tower::ServiceExt as _;

/// RPCs outside the contract that the edge answers by itself.
pub(crate) const OWN: [&str; 3] =
    ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// Finds who answers.
#[derive(Clone)]
pub(crate) struct Backends {
    contract: &'static Contract,
    directory: Directory,
    remote: Arc<BTreeMap<String, Passage>>,
    own: Routes,
}

/// Headers of one connection (RFC 9110, section 7.6.1), and the name that it was opened under.
const OF_THE_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

impl Backends {
    /// `peers` are services of other processes, each with its address. Where it begins with `https://`, they are called
    /// under the edge's own identity, which is among the runtime's.
    pub(crate) fn new(runtime: &Runtime, peers: &[(String, String)], own: Routes) -> anyhow::Result<Self> {
        let contract = runtime.contract();
        let mut remote = BTreeMap::new();
        for (name, url) in peers {
            let edge = runtime.identities().filter(|identities| identities.named(tls::EDGE).is_some());
            if url.starts_with(tls::HTTPS) {
                edge.with_context(|| format!("the edge has no identity with which to call {url}"))?;
            }
            let clock = Arc::new(SystemClock);
            let options = RemoteOptions { security: edge.cloned().into(), ..RemoteOptions::default() };
            let passage = Passage::new(contract, clock, name, url, &options)
                .with_context(|| format!("{url} is no address for {name}; it looks like http://host:9090"))?;
            remote.insert(name.clone(), passage);
        }
        Ok(Self { contract, directory: runtime.directory().clone(), remote: Arc::new(remote), own })
    }

    /// What is answered.
    pub(crate) fn contract(&self) -> &'static Contract {
        self.contract
    }

    /// Answers a gRPC call.
    pub(crate) async fn answer(self, request: Request) -> Response {
        let path = request.uri().path();
        let Some(method) = self.contract.method(path) else {
            if OWN.iter().any(|own| path.starts_with(own)) {
                return self.answer_here(request).await;
            }
            return unknown_method().into_http();
        };
        if method.access == Access::Internal {
            return internal_only().into_http();
        }
        if let Some(service) = self.directory.local(&method.domain) {
            return service.handle(request).await;
        }
        match self.remote.get(&method.domain) {
            Some(passage) => passage.pass(introduced(request)).await.unwrap_or_else(Status::into_http),
            None => absent(&method.domain).into_http(),
        }
    }

    /// Answers a request for a page, such as a photo, that belongs to a service of another process; gives the request back
    /// when it belongs to none.
    pub(crate) async fn page(self, mut request: Request) -> Result<Result<Response, Status>, Request> {
        let path = request.uri().path();
        let mut services = self.contract.services();
        let owner = services.find(|service| service.pages.iter().any(|prefix| path.starts_with(prefix)));
        let Some(owner) = owner.filter(|owner| self.directory.local(&owner.domain).is_none()) else {
            return Err(request);
        };
        let Some(passage) = self.remote.get(&owner.domain) else { return Ok(Err(absent(&owner.domain))) };
        for name in OF_THE_CONNECTION {
            request.headers_mut().remove(name);
        }
        Ok(passage.page(introduced(request)).await)
    }

    async fn answer_here(self, request: Request) -> Response {
        // Infallible: what goes wrong is a status already.
        match self.own.oneshot(request).await {
            Ok(response) => response.map(tonic::body::Body::new),
            Err(never) => match never {},
        }
    }
}

/// What goes along when a request is passed on under its caller's own name: besides the token, the address, in the header
/// that the other side trusts its edge with.
fn introduced(mut request: Request) -> Request {
    let address = request.extensions().get::<Peer>().map(|peer| peer.address.clone()).unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&address)
        && !address.is_empty()
    {
        request.headers_mut().append("x-forwarded-for", value);
    }
    request
}

fn absent(service: &str) -> Status {
    status(Code::Unavailable, "SERVICE_ABSENT", &format!("the service {service} does not run here"))
}

/// The answer to an RPC that nobody knows.
pub(crate) fn unknown_method() -> Status {
    status(Code::Unimplemented, "UNKNOWN_METHOD", "there is no such RPC")
}

/// The answer to whoever calls an internal RPC from outside.
pub(crate) fn internal_only() -> Status {
    status(Code::PermissionDenied, "PERMISSION_DENIED", "this RPC is for the platform's own services")
}

/// A status with the platform's ErrorInfo.
pub(crate) fn status(code: Code, reason: &'static str, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, kvartal_proto::codec::ERROR_DOMAIN, []);
    Status::with_error_details(code, message, details)
}
