//! Calls over real sockets.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kvartal_kernel::{Error, Role, SystemClock};
use kvartal_mesh::auth::MeshKey;
use kvartal_mesh::server::{Listen, serve};
use kvartal_mesh::{BoxService, Directory, Remote, RemoteOptions};
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use tonic::transport::Endpoint;

use crate::world::{MESH_SECRET, World, frame, read};

struct Serving {
    port: u16,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

async fn listen(service: BoxService, how: Listen) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, service, how, stop.clone()));
    Serving { port, stop, task }
}

fn directory(port: u16, secret: [u8; 32]) -> Directory {
    let remote = Remote {
        url: format!("http://127.0.0.1:{port}"),
        key: Some(MeshKey::new(&secret)),
        options: RemoteOptions::default(),
    };
    Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), Some(remote))
}

fn contact() -> identity::GetContactRequest {
    identity::GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() }
}

fn endpoint(serving: &Serving) -> tonic::transport::Channel {
    Endpoint::from_shared(format!("http://127.0.0.1:{}", serving.port)).unwrap().connect_lazy()
}

#[tokio::test]
async fn services_know_each_other_by_the_secret_they_share() {
    let world = World::new();
    let serving = listen(world.identity.clone(), Listen::default()).await;
    let mut client =
        IdentityServiceClient::new(directory(serving.port, MESH_SECRET).channel("identity", "notification").unwrap());
    for _ in 0..5 {
        assert_eq!(client.get_contact(contact()).await.unwrap().into_inner().email, "notification");
    }
    let mut stranger =
        IdentityServiceClient::new(directory(serving.port, [8; 32]).channel("identity", "notification").unwrap());
    assert_eq!(stranger.get_contact(contact()).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut client =
        IdentityServiceClient::new(directory(port, MESH_SECRET).channel("identity", "notification").unwrap());
    assert_eq!(client.get_contact(contact()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_speaks_costs_the_deadline_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = IdentityServiceClient::new(
        directory(listener.local_addr().unwrap().port(), MESH_SECRET).channel("identity", "notification").unwrap(),
    );
    let mut request = tonic::Request::new(contact());
    request.set_timeout(Duration::from_millis(300));
    let started = tokio::time::Instant::now();
    assert_eq!(client.get_contact(request).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_timeout_over_the_network_is_deadline_exceeded() {
    let world = World::new();
    let serving = listen(world.audit.clone(), Listen::default()).await;
    // Not through tonic's client, whose own timer would answer for the server.
    let stream = TcpStream::connect(("127.0.0.1", serving.port)).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let message = world.list("slow").into_inner().encode_to_vec();
    let request = http::Request::post("http://localhost/kvartal.audit.v1.AuditService/ListRecords")
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "200m")
        .header("authorization", format!("Bearer {}", world.token(&[Role::Admin])))
        .body(Body::new(Full::from(frame(&message))))
        .unwrap();
    let answer = read(client.send_request(request).await.unwrap().map(Body::new)).await;
    assert_eq!((answer.http, answer.code), (200, Some(Code::DeadlineExceeded as i32)));
}

#[tokio::test]
async fn the_address_is_the_connections_or_what_a_trusted_proxy_says() {
    let world = World::new();
    for (trusted_proxies, expected) in [(0, "127.0.0.1"), (1, "203.0.113.9")] {
        let serving = listen(world.audit.clone(), Listen { trusted_proxies, ..Listen::default() }).await;
        let mut client = AuditServiceClient::new(endpoint(&serving));
        let mut request = world.list("");
        request.metadata_mut().insert("x-forwarded-for", "6.6.6.6, 203.0.113.9".parse().unwrap());
        let answer = client.list_records(request).await.unwrap().into_inner().next_page_token;
        assert!(answer.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn shutdown_ends_streams_and_lets_calls_finish() {
    let world = World::new();
    let audit = listen(world.audit.clone(), Listen::default()).await;
    let notification = listen(world.notification.clone(), Listen::default()).await;
    let mut streams = NotificationServiceClient::new(endpoint(&notification));
    let mut stream = streams.watch_notifications(world.watch("silent")).await.unwrap().into_inner();
    let mut calls = AuditServiceClient::new(endpoint(&audit));
    let request = world.verify_chain(3);
    let call = tokio::spawn(async move { calls.verify_chain(request).await });
    while world.calls.len() < 2 {
        tokio::task::yield_now().await;
    }
    world.stop.cancel();
    audit.stop.cancel();
    notification.stop.cancel();
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
    notification.task.await.unwrap().unwrap();
    world.gate.notify_one();
    call.await.unwrap().unwrap();
    audit.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_is_cut() {
    let world = World::new();
    let how = Listen { grace: Duration::from_millis(100), ..Listen::default() };
    let serving = listen(world.audit.clone(), how).await;
    let mut client = AuditServiceClient::new(endpoint(&serving));
    let request = world.list("slow");
    let call = tokio::spawn(async move { client.list_records(request).await });
    while world.calls.is_empty() {
        tokio::task::yield_now().await;
    }
    serving.stop.cancel();
    serving.task.await.unwrap().unwrap();
    assert!(call.await.unwrap().is_err());
}

/// The settings that a server announces in its first frame.
async fn settings(port: u16) -> Vec<(u16, u32)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "a SETTINGS frame");
    let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    stream.read_exact(&mut payload).await.unwrap();
    let entries = payload.chunks(6);
    entries.map(|e| (u16::from_be_bytes([e[0], e[1]]), u32::from_be_bytes([e[2], e[3], e[4], e[5]]))).collect()
}

#[tokio::test]
async fn every_socket_announces_its_limits() {
    let world = World::new();
    for http1 in [false, true] {
        let serving = listen(world.audit.clone(), Listen { http1, ..Listen::default() }).await;
        let settings = settings(serving.port).await;
        assert!(settings.contains(&(3, 256)), "MAX_CONCURRENT_STREAMS in {settings:?}");
        assert!(settings.contains(&(6, 16 * 1024)), "MAX_HEADER_LIST_SIZE in {settings:?}");
    }
}
