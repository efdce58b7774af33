//! Services that prove their names by certificates, over real sockets.

mod edge;
mod hostile;
mod reload;
mod rotation;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Clock, Error, ManualClock, SystemClock, Timestamp};
use kvartal_mesh::server::{Listen, Stack, Tls, serve};
use kvartal_mesh::tls::ca::Authority;
use kvartal_mesh::tls::{Identities, Identity};
use kvartal_mesh::{BoxService, Channel, Directory, Remote, RemoteOptions, Security};
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetContactRequest, GetContactResponse};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use crate::world::World;

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Nothing here takes longer.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// An authority, and folders of the identities it issued.
pub(crate) struct Installation {
    folder: TempDir,
    pub(crate) authority: Authority,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Old enough for certificates of the past.
        let authority = Authority::create(&folder.path().join("ca"), "kvartal", DAY * 30, now().minus(DAY * 2));
        Self { folder, authority: authority.unwrap() }
    }

    pub(crate) fn path(&self, service: &str) -> PathBuf {
        self.folder.path().join(service)
    }

    /// An identity that is good for a day.
    pub(crate) fn identity(&self, service: &str) -> Identity {
        self.issue(service, DAY, now(), Arc::new(SystemClock))
    }

    pub(crate) fn issue(&self, service: &str, life: Duration, at: Timestamp, clock: Arc<dyn Clock>) -> Identity {
        self.authority.issue(service, life, at).unwrap().write(&self.path(service)).unwrap();
        Identity::load(self.path(service), clock).unwrap()
    }

    /// An identity whose owner believes that it is `at`.
    pub(crate) fn identity_at(&self, service: &str, life: Duration, made: Timestamp, at: Timestamp) -> Identity {
        self.issue(service, life, made, Arc::new(ManualClock::at(at)))
    }
}

/// A socket with TLS; it ends with this.
pub(crate) struct Serving {
    pub(crate) port: u16,
    _stop: DropGuard,
}

pub(crate) async fn listen<S>(service: S, how: Listen) -> Serving
where
    S: tower::Service<
            kvartal_mesh::Request,
            Response = kvartal_mesh::Response,
            Error = std::convert::Infallible,
            Future: Send,
        > + Clone
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, service, how, stop.clone()));
    Serving { port, _stop: stop.drop_guard() }
}

pub(crate) fn with(identity: &Identity) -> Listen {
    Listen { tls: Some(Tls::new(Identities::one(identity.clone()))), ..Listen::default() }
}

/// The identity service, without any key that could stand in for a certificate.
pub(crate) fn service() -> BoxService {
    World::with(|stack| Stack { mesh_key: None, ..stack }).identity
}

/// The service `identity` under its own certificate.
pub(crate) async fn identity_service(installation: &Installation) -> Serving {
    listen(service(), with(&installation.identity("identity"))).await
}

/// A channel to the service `identity` on this port, under a certificate.
pub(crate) fn channel(port: u16, identity: &Identity, caller: &'static str) -> Channel {
    let remote = Remote {
        url: format!("https://127.0.0.1:{port}"),
        key: None,
        options: RemoteOptions {
            connections: 1,
            connect_timeout: SOON,
            security: Security::Tls(Identities::one(identity.clone())),
            ..RemoteOptions::default()
        },
    };
    let directory = Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), Some(remote));
    directory.channel("identity", caller).unwrap()
}

pub(crate) async fn contact(
    port: u16,
    identity: &Identity,
    caller: &'static str,
) -> Result<GetContactResponse, Status> {
    get_contact(&mut IdentityServiceClient::new(channel(port, identity, caller))).await
}

pub(crate) async fn get_contact(client: &mut IdentityServiceClient<Channel>) -> Result<GetContactResponse, Status> {
    let request = GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() };
    client.get_contact(request).await.map(tonic::Response::into_inner)
}

/// A connection made by hand, as far as the handshake.
pub(crate) async fn shake(port: u16, config: Arc<ClientConfig>, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(config).connect(ServerName::try_from(name.to_owned()).unwrap(), tcp).await
}

/// Why a connection to the service named `service` does not come about, whichever side refuses it.
pub(crate) async fn refusal(port: u16, identity: &Identity, service: &str) -> String {
    let config = identity.client_config(service).unwrap();
    let mut stream = match shake(port, config, service).await {
        Ok(stream) => stream,
        Err(error) => return format!("the client: {error}"),
    };
    // In TLS 1.3 a client has finished before the server has looked at its certificate.
    let error = tokio::time::timeout(SOON, stream.read_to_end(&mut Vec::new())).await.unwrap().unwrap_err();
    format!("the server: {error}")
}

/// The number of a certificate, in hexadecimal.
pub(crate) fn serial(chain: Option<&[CertificateDer<'_>]>) -> String {
    let (_, certificate) = x509_parser::parse_x509_certificate(&chain.unwrap()[0]).unwrap();
    certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Believes every server: for clients that have nothing to present.
#[derive(Debug)]
pub(crate) struct Credulous(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a test that holds a result of the loading wants to know.
pub(crate) fn reason(result: Result<Identity, Error>) -> String {
    result.unwrap_err().chain()
}
