//! One HTTP/2 connection to an endpoint, made again whenever it ends.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2::{Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tonic::body::Body;

use super::address::Address;
use super::backoff;
use super::balancer::Balancer;
use super::endpoint::Endpoint;
use crate::dormant::Dormant;
use crate::tls::{ALPN, Identities};

/// Sends requests on a connection.
pub(crate) type Sender = SendRequest<Body>;

/// How long an answer to a ping may take.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Flow control of one answer and of all answers of a connection, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
/// Calls that we may give up on one connection before it ends. The count is over its whole life, and giving up is what
/// impatient callers do.
const LOCAL_RESETS_MAX: usize = 100_000;
/// While callers wait, a connection is tried at least this often.
const CONNECT_WANTED: Duration = Duration::from_secs(1);
/// A connection that lived this long was a good one: the next failure is a first failure.
const CONNECT_GOOD: Duration = Duration::from_secs(10);

/// How connections are secured.
#[derive(Clone, Default)]
pub enum Security {
    /// Not at all.
    #[default]
    Plain,
    /// TLS with certificates on both sides; each caller has connections of its own, under its own identity.
    Tls(Identities),
}

impl From<Option<Identities>> for Security {
    fn from(identities: Option<Identities>) -> Self {
        identities.map_or(Self::Plain, Self::Tls)
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Tls(_) => "Tls",
        })
    }
}

/// What carries a connection.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection at work: it must be polled until it ends.
type Work = Connection<TokioIo<Box<dyn Wire>>, Body, TokioExecutor>;

/// Keeps the connection number `slot` of an endpoint until the endpoint is removed; then lets its calls finish.
pub(super) async fn keep(balancer: Arc<Balancer>, endpoint: Arc<Endpoint>, slot: usize) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let connected = tokio::select! {
            () = endpoint.removed.cancelled() => return,
            connected = connect(&balancer, &endpoint.address) => connected,
        };
        let error = match connected {
            Ok((sender, work)) => {
                endpoint.connected(slot, Some(sender));
                balancer.changed();
                work_until_end(&endpoint, slot, work).await
            }
            Err(error) => Some(error.to_string()),
        };
        if endpoint.removed.is_cancelled() {
            return;
        }
        failures = if began.elapsed() > CONNECT_GOOD { 1 } else { failures + 1 };
        if let Some(error) = error {
            tracing::debug!(service = balancer.service, endpoint = %endpoint.address, error, "no connection");
            endpoint.note(format!("no connection: {error}"));
            balancer.lost.notify_one();
        }
        let pause = backoff::before_connect(failures, balancer.chance.unit());
        tokio::select! {
            () = endpoint.removed.cancelled() => return,
            () = sleep_until(began + pause) => {}
            () = async { balancer.waiting.any().await; sleep_until(began + CONNECT_WANTED).await } => {}
        }
    }
}

/// Drives a connection to its end. What ended it, when it did not end in peace.
async fn work_until_end(endpoint: &Endpoint, slot: usize, mut work: Work) -> Option<String> {
    let ended = tokio::select! {
        biased;
        ended = &mut work => ended,
        () = Dormant::new(endpoint.removed.cancelled()) => {
            // Without a sender the connection ends by itself when its last call has.
            endpoint.connected(slot, None);
            work.await
        }
    };
    endpoint.connected(slot, None);
    ended.err().map(|error| chain(&error))
}

async fn connect(balancer: &Balancer, address: &Address) -> io::Result<(Sender, Work)> {
    let options = &balancer.options;
    let connecting = async {
        let wire = wire(balancer, address).await?;
        hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(options.keep_alive)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .max_local_error_reset_streams(LOCAL_RESETS_MAX)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(io::Error::other)
    };
    timeout(options.connect_timeout, connecting).await?
}

async fn wire(balancer: &Balancer, address: &Address) -> io::Result<Box<dyn Wire>> {
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    // Small messages must not wait for acknowledgements; without it they are only slower.
    let _ = stream.set_nodelay(true);
    match &balancer.options.security {
        Security::Plain => Ok(Box::new(stream)),
        Security::Tls(identities) => {
            let none = || io::Error::other("this process has no identity to call with");
            let identity = identities.of(&balancer.caller).ok_or_else(none)?;
            let configuration = identity.client_config(&balancer.service).map_err(io::Error::other)?;
            // The service is meant, wherever it listens: its certificate names it and no host.
            let name = ServerName::try_from(balancer.service.clone()).map_err(io::Error::other)?;
            let stream = TlsConnector::from(configuration).connect(name, stream).await?;
            if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
                return Err(io::Error::other("HTTP/2 is not spoken there"));
            }
            Ok(Box::new(stream))
        }
    }
}

/// An error with what it comes from.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
