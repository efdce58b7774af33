//! The edge: takes every request of the public port and finds out what it is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};
use kvartal_host::Runtime;
use kvartal_kernel::Error;
use kvartal_mesh::server::Listen;
use kvartal_mesh::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer as _, ServiceExt as _};
use tracing::Instrument as _;

use crate::app::App;
use crate::backend::Backends;
use crate::limit::{Limited, announces_too_much, lend, let_finish, too_large};
use crate::plain::Routes;
use crate::rest::{self, Rest};
use crate::start::{Counters, Live, Scene};
use crate::trace::Sampling;
use crate::{Options, headers, plain, trace};

/// The public side of the platform. A clone is cheap; it is a tower service for one port.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    options: Options,
    backends: Backends,
    rest: Rest,
    plain: axum::Router,
    counters: Arc<Counters>,
    sampling: Sampling,
}

impl Edge {
    /// Puts an edge before the services of this process; call it when every service is registered.
    ///
    /// # Errors
    /// When an option cannot be understood, REST paths of the contract contradict each other, or the folder of the browser
    /// app holds none.
    pub fn new(runtime: &Runtime, options: Options) -> anyhow::Result<Self> {
        let counters = Arc::new(Counters::default());
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(kvartal_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                // Details of errors, which no message of ours names.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        let new = reflection().build_v1().context("the reflection service")?;
        // Older tools know only this one.
        let old = reflection().build_v1alpha().context("the reflection service")?;
        let mut own = tonic::service::Routes::builder();
        own.add_service(runtime.health().grpc()).add_service(new).add_service(old);
        let backends = Backends::new(runtime, &options.peers, own.routes())?;
        let rest = Rest::new(runtime.contract(), backends.clone(), &options.public_url)?;
        let scene = Scene {
            authority: authority(&options.public_url),
            url: options.public_url.trim_end_matches('/').to_owned(),
            accounts: options.accounts.clone(),
            streets: options.scenery.clone(),
            mail_page: options.mail_page,
            links: links(&options),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let app = match &options.web_dir {
            Some(folder) => Some(App::read(folder)?),
            None => App::embedded(),
        };
        let live = Live::new(runtime, Arc::clone(&counters));
        let routes = runtime.services().into_iter().fold(axum::Router::new(), |all, service| all.merge(service.http));
        let plain = plain::router(
            runtime,
            live,
            scene,
            Routes { services: routes, backends: backends.clone(), rest: rest.clone(), app },
            options.metrics,
        );
        let sampling = Sampling::new(runtime.config().trace_ratio);
        Ok(Self(Arc::new(Inner { options, backends, rest, plain, counters, sampling })))
    }

    /// Serves the port until `stop`, then lets what runs end within the grace.
    ///
    /// # Errors
    /// When the port cannot be served at all; single connections never end it.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
        let how = Listen {
            http1: true,
            trusted_proxies: self.0.options.trusted_proxies,
            grace: self.0.options.grace,
            ..Listen::default()
        };
        let served: Result<(), Error> = if self.0.options.allow_origin.is_empty() {
            kvartal_mesh::server::serve(listener, self, how, stop).await
        } else {
            let cors = headers::cors(&self.0.options.allow_origin).context("--allow-origin cannot be read")?;
            kvartal_mesh::server::serve(listener, cors.layer(self), how, stop).await
        };
        served.map_err(anyhow::Error::new)
    }

    async fn answer(self, mut request: Request) -> Response {
        self.0.counters.request();
        headers::strip_private(request.headers_mut());
        let span = self.0.sampling.begin(self.0.backends.contract(), &mut request);
        let answer = match Protocol::of(request.headers()) {
            Some(protocol) => self.answer_rpc(request, protocol).instrument(span.clone()).await,
            None if self.0.backends.contract().method(request.uri().path()).is_some() => no_call(request).await,
            None => self.answer_plain(request).instrument(span.clone()).await,
        };
        trace::end(span, answer)
    }

    async fn answer_rpc(self, request: Request, protocol: Protocol) -> Response {
        if protocol == Protocol::Grpc && request.version() != Version::HTTP_2 {
            return note(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "gRPC needs HTTP/2; browsers speak gRPC-Web");
        }
        if request.method() != Method::POST {
            return no_call(request).await;
        }
        let too_much = announces_too_much(request.headers(), protocol == Protocol::WebText);
        // A connection of HTTP/1.1 ends with an answer that comes before the end of its request.
        let (request, rest) = if request.version() < Version::HTTP_2 {
            let (request, rest) = lend(request);
            (request, Some(rest))
        } else {
            (request, None)
        };
        let backends = self.0.backends.clone();
        let inner = tower::service_fn(move |request: Request| {
            let backends = backends.clone();
            async move {
                // Refused inside the translation, so that a browser understands the refusal.
                let answer = if too_much {
                    let_finish(request).await;
                    too_large().into_http()
                } else {
                    backends.answer(request.map(|body| Body::new(Limited::new(body)))).await
                };
                trace::refused(&answer);
                Ok::<_, Infallible>(answer)
            }
        });
        let answer = match tonic_web::GrpcWebLayer::new().layer(inner).oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let refused = answer.status() != StatusCode::OK || answer.headers().contains_key(Status::GRPC_STATUS);
        if let Some(rest) = rest.filter(|_| refused) {
            rest.let_finish().await;
        }
        answer
    }

    async fn answer_plain(self, request: Request) -> Response {
        if announces_too_much(request.headers(), false) {
            let rest = self.0.rest.knows(request.uri().path());
            let_finish(request).await;
            let refused = too_large();
            return if rest {
                rest::too_large(&refused)
            } else {
                note(StatusCode::PAYLOAD_TOO_LARGE, refused.message())
            };
        }
        let request = request.map(|body| axum::body::Body::new(Limited::new(body)));
        let mut response = match self.0.plain.clone().oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        };
        headers::protect(response.headers_mut());
        response
    }
}

/// A short answer in JSON.
fn note(status: StatusCode, message: &str) -> Response {
    let mut response = plain::problem_json(status, message).map(Body::new);
    headers::protect(response.headers_mut());
    response
}

/// The answer to what is addressed to an RPC and does not call it, in the words that the stack of a service has for it.
async fn no_call(request: Request) -> Response {
    let mut response = Response::new(Body::empty());
    if request.method() == Method::POST {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    } else {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    let_finish(request).await;
    response
}

/// Paths that the start page links to.
fn links(options: &Options) -> Vec<&'static str> {
    let mut links = vec![
        "/",
        "/healthz",
        "/.well-known/jwks.json",
        crate::OPENAPI_PATH,
        crate::OPEN311_PATH,
        crate::WZDX_PATH,
        "/start.json",
    ];
    if options.metrics {
        links.push("/metrics");
    }
    if options.mail_page {
        links.push("/_dev/mail");
    }
    links
}

/// `host:port` of a URL, as gRPC clients want it.
fn authority(url: &str) -> String {
    let uri: http::Uri = url.parse().unwrap_or_default();
    let host = uri.host().unwrap_or("localhost");
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    format!("{host}:{port}")
}

/// How an RPC arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    Grpc,
    WebBinary,
    WebText,
}

impl Protocol {
    /// `None` for whatever is no RPC.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let rest = content_type.strip_prefix("application/grpc")?;
        match rest.as_bytes().first() {
            None | Some(b'+' | b';') => Some(Self::Grpc),
            Some(b'-') if rest.starts_with("-web-text") => Some(Self::WebText),
            Some(b'-') if rest.starts_with("-web") => Some(Self::WebBinary),
            _ => None,
        }
    }
}

impl tower::Service<Request> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let edge = self.clone();
        Box::pin(async move { Ok(edge.answer(request).await) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_by_their_content_type() {
        let of = |value: &'static str| {
            Protocol::of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert_eq!(of("application/grpc"), Some(Protocol::Grpc));
        assert_eq!(of("application/grpc+proto"), Some(Protocol::Grpc));
        assert_eq!(of("application/grpc-web+proto"), Some(Protocol::WebBinary));
        assert_eq!(of("application/grpc-web-text"), Some(Protocol::WebText));
        assert_eq!(of("application/grpcfoo"), None);
        assert_eq!(of("application/json"), None);
    }

    #[test]
    fn the_authority_has_a_port_always() {
        assert_eq!(authority("http://localhost:8080/"), "localhost:8080");
        assert_eq!(authority("https://city.example"), "city.example:443");
    }
}
