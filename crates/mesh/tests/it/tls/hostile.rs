//! Peers that do not keep to the protocol, or have nothing to show.

use std::sync::Arc;
use std::time::Duration;

use kvartal_mesh::server::{Listen, Tls};
use kvartal_mesh::tls::Identities;
use kvartal_proto::identity::v1::GetContactRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tonic::Code;
use tonic::transport::Endpoint;

use super::{Credulous, Installation, SOON, contact, identity_service, listen, service, shake};

fn nobody(version: &'static rustls::SupportedProtocolVersion, alpn: &[&str]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Everything the other side sends until it closes; `None` when it does not.
async fn rest(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    timeout(SOON, stream.read_to_end(&mut bytes)).await.ok().map(|_| bytes)
}

#[tokio::test]
async fn without_a_certificate_nobody_gets_past_the_handshake() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    // In TLS 1.3 a client has finished before the server has looked at its certificate: the refusal comes with the first byte.
    let mut stream = shake(serving.port, nobody(&TLS13, &["h2"]), "identity").await.unwrap();
    let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let mut bytes = Vec::new();
    let error = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn older_protocols_are_not_spoken() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    assert!(shake(serving.port, nobody(&TLS12, &["h2"]), "identity").await.is_err());
    assert!(shake(serving.port, nobody(&TLS13, &["http/1.1"]), "identity").await.is_err());
    let client = installation.identity("notification");
    let mut silent = (*client.client_config("identity").unwrap()).clone();
    silent.alpn_protocols.clear();
    let mut stream = shake(serving.port, Arc::new(silent), "identity").await.unwrap();
    let mut bytes = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("it is closed");
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn plain_text_is_not_answered() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", serving.port)).unwrap();
    let mut client = IdentityServiceClient::new(endpoint.connect_lazy());
    let request = GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() };
    assert!(timeout(SOON, client.get_contact(request)).await.unwrap().is_err());
    let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let answer = rest(&mut stream).await.expect("it is closed");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    contact(serving.port, &installation.identity("notification"), "notification").await.unwrap();
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    let client = installation.identity("notification");
    for garbage in
        [&[0_u8; 64][..], &[0xff; 4_096], b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff"]
    {
        let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        rest(&mut stream).await.expect("it is closed");
        contact(serving.port, &client, "notification").await.unwrap();
    }
}

#[tokio::test]
async fn slow_handshakes_are_few_and_short() {
    let installation = Installation::new();
    let identities = Identities::one(installation.identity("identity"));
    let tls = Tls { timeout: Duration::from_millis(500), handshakes_max: 2, ..Tls::new(identities) };
    let serving = listen(service(), Listen { tls: Some(tls), ..Listen::default() }).await;
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).await.unwrap();
        // The beginning of a hello that does not go on.
        stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00").await.unwrap();
        slow.push(stream);
    }
    let began = Instant::now();
    for stream in &mut slow {
        rest(stream).await.expect("it is closed");
    }
    assert!(began.elapsed() >= Duration::from_millis(300), "they had their time");
    contact(serving.port, &installation.identity("notification"), "notification").await.unwrap();
}

#[tokio::test]
async fn a_silent_connection_takes_nobody_the_place() {
    let installation = Installation::new();
    let identities = Identities::one(installation.identity("identity"));
    let tls = Tls { timeout: SOON * 6, handshakes_max: 1, ..Tls::new(identities) };
    let serving = listen(service(), Listen { tls: Some(tls), ..Listen::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(("127.0.0.1", serving.port)).await.unwrap());
    }
    let client = installation.identity("notification");
    timeout(SOON, contact(serving.port, &client, "notification")).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_accepts_and_never_shakes_hands_costs_the_timeout() {
    let installation = Installation::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let began = Instant::now();
    let status = contact(port, &installation.identity("notification"), "notification").await.unwrap_err();
    assert!(matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded), "{status}");
    assert!(began.elapsed() < SOON);
}
