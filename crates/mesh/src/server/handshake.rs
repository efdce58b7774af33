//! Handshakes of a listening socket: many at once, each within a time, all within a number.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::Error;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admit::ProvedPeer;
use crate::tls::{self, Identities};

/// TLS on a listening socket: only peers with an identity of the installation get further than the handshake.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who this process is.
    pub identities: Identities,
    /// A handshake that takes longer is given up.
    pub timeout: Duration,
    /// Most handshakes under way; others wait for their turn, within their time. They are what costs: a connection that
    /// says nothing takes no place.
    pub handshakes_max: usize,
}

impl Tls {
    /// With usual limits.
    pub fn new(identities: Identities) -> Self {
        Self { identities, timeout: Duration::from_secs(5), handshakes_max: 128 }
    }
}

/// A connection whose peer has proved who it is.
pub(super) struct Proved {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) peer: ProvedPeer,
    /// The least that is left of the certificates of both sides.
    pub(super) left: Duration,
}

/// The handshakes of one socket.
pub(super) struct Handshakes {
    acceptor: TlsAcceptor,
    how: Tls,
    under_way: Semaphore,
    counter: Counter<u64>,
}

impl Handshakes {
    pub(super) fn new(how: Tls) -> Result<Self, Error> {
        let counter = opentelemetry::global::meter("kvartal")
            .u64_counter("kvartal.tls.handshakes")
            .with_description("Handshakes of incoming connections by outcome")
            .build();
        let acceptor = TlsAcceptor::from(how.identities.server_config()?);
        let under_way = Semaphore::new(how.handshakes_max);
        Ok(Self { acceptor, how, under_way, counter })
    }

    /// `None` for a peer that is not let in. It is told by the alert of the protocol and counted; the log has it for who
    /// looks for it, since anybody who reaches the port can fill a log with such lines.
    pub(super) async fn shake(&self, stream: TcpStream) -> Option<Proved> {
        let shaken = tokio::time::timeout(self.how.timeout, self.accept(stream)).await;
        let (outcome, proved) = match shaken {
            Ok(Ok(proved)) => ("ok", Some(proved)),
            Ok(Err(error)) => {
                tracing::debug!(error = error.chain(), "a handshake failed");
                ("refused", None)
            }
            Err(_) => ("timeout", None),
        };
        self.counter.add(1, &[KeyValue::new("outcome", outcome)]);
        proved
    }

    async fn accept(&self, stream: TcpStream) -> Result<Proved, Error> {
        let failed = |error: std::io::Error| Error::unavailable("HANDSHAKE_FAILED", "no trust").because(error);
        stream.peek(&mut [0]).await.map_err(failed)?;
        let _place = self.under_way.acquire().await;
        let stream = self.acceptor.accept(stream).await.map_err(failed)?;
        let (_, connection) = stream.get_ref();
        let refused = |message: &str| Error::unavailable("HANDSHAKE_FAILED", message);
        if connection.alpn_protocol() != Some(tls::ALPN) {
            return Err(refused("the peer does not say that it speaks HTTP/2"));
        }
        let chain = connection.peer_certificates().ok_or_else(|| refused("the peer presented no certificate"))?;
        let peer = ProvedPeer(Arc::from(tls::peer_service(chain)?));
        let left = self.how.identities.left_with(chain)?;
        Ok(Proved { stream, peer, left })
    }
}
