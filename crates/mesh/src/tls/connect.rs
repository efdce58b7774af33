//! The client's way in for tonic's own channels, which tools and tests use: TCP and the handshake, within one timeout.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use kvartal_kernel::Error;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Endpoint;
use tower::ServiceExt as _;

use super::{ALPN, Identity, invalid};

/// What addresses of services with TLS begin with.
pub const HTTPS: &str = "https://";

/// An endpoint for an address with or without TLS. With TLS only its origin says `https`: tonic is told a plain address,
/// since it would put a TLS of its own behind the other; it needs a [`connector`].
pub fn endpoint(url: &str) -> Result<Endpoint, Error> {
    let plain = url.strip_prefix(HTTPS).map_or_else(|| url.to_owned(), |rest| format!("http://{rest}"));
    let no_address = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::internal(format!("{url} is no address")).because(error)
    };
    let origin = url.parse().map_err(|error: http::uri::InvalidUri| no_address(error.into()))?;
    let endpoint = Endpoint::from_shared(plain).map_err(|error| no_address(error.into()))?;
    Ok(endpoint.origin(origin))
}

/// Connects as `identity` to the service named `service`, whatever the address is: use it with tonic's
/// `Endpoint::connect_with_connector_lazy` on an [`endpoint`]. `timeout` bounds TCP and handshake together.
pub fn connector(identity: &Identity, service: &str, timeout: Duration) -> Result<Connector, Error> {
    let name = ServerName::try_from(service.to_owned())
        .map_err(|error| invalid(format!("{service:?} is no name of a service")).because(error))?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_secs(60)));
    tcp.set_connect_timeout(Some(timeout));
    Ok(Connector { tcp, tls: TlsConnector::from(identity.client_config(service)?), name, timeout })
}

/// See [`connector`].
#[derive(Clone)]
pub struct Connector {
    tcp: HttpConnector,
    tls: TlsConnector,
    name: ServerName<'static>,
    timeout: Duration,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Connector {
    async fn connect(self, uri: Uri) -> Result<TokioIo<TlsStream<TcpStream>>, Error> {
        let failed = |what: &str| Error::unavailable("CONNECTION_FAILED", format!("{what} {uri}"));
        let connect = async {
            let tcp = self.tcp.clone().oneshot(uri.clone()).await;
            let tcp = tcp.map_err(|error| failed("there is no connection to").because(error))?;
            let tls = self.tls.connect(self.name.clone(), tcp.into_inner()).await;
            let tls = tls.map_err(|error| failed("there is no trust between us and").because(error))?;
            if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
                return Err(failed("HTTP/2 is not spoken by"));
            }
            Ok(TokioIo::new(tls))
        };
        tokio::time::timeout(self.timeout, connect).await.unwrap_or_else(|_| Err(failed("no answer in time from")))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
