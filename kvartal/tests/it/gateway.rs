//! `kvartal gateway serve` beside a service of another process.

use std::time::Duration;

use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use kvartal_proto::identity::v1::SignOutRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_testing::{Process, eventually, free_port};
use tonic::transport::{Channel, Endpoint};

use crate::platform::{ADMIN, PASSWORD, PATIENCE, Platform, by, kvartal};

async fn start(arguments: &[&str]) -> Process {
    let mut process = Process::spawn(kvartal(arguments));
    process.wait_for_line("ready in", PATIENCE).await;
    process
}

/// The gRPC code with which Envoy would be told about a request with this token; 0 lets it pass.
async fn judge(client: &mut AuthorizationClient<Channel>, authorization: &str) -> i32 {
    let headers = [("authorization".to_owned(), authorization.to_owned())].into();
    let http = HttpRequest { headers, ..HttpRequest::default() };
    let attributes = Some(AttributeContext { request: Some(Request { http: Some(http) }) });
    client.check(CheckRequest { attributes }).await.unwrap().into_inner().status.unwrap().code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_signed_out_at_identity_is_refused_at_the_edge() {
    let redis = kvartal_testing::redis().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("password"), PASSWORD).unwrap();
    std::fs::write(path("key"), "A".repeat(43) + "=").unwrap();
    let (port, beside) = (free_port(), free_port());
    let (url, listen) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}"));
    let shared = ["--redis-url".to_owned(), redis.url(), "--mesh-key-file".to_owned(), path("key")];
    let arguments =
        |own: &[&str]| -> Vec<String> { own.iter().map(|part| (*part).to_owned()).chain(shared.clone()).collect() };

    let identity = arguments(&[
        "serve",
        "identity",
        "--listen",
        &listen,
        "--data-dir",
        &path("data"),
        "--identity-admin-email",
        ADMIN,
        "--identity-admin-password-file",
        &path("password"),
    ]);
    let process = start(&identity.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let identity = Platform { process, port };
    let edge = format!("127.0.0.1:{beside}");
    let gateway = arguments(&["gateway", "serve", "--listen", &edge, "--identity-url", &url]);
    let mut gateway = start(&gateway.iter().map(String::as_str).collect::<Vec<_>>()).await;

    let channel = Endpoint::from_shared(format!("http://{edge}")).unwrap().connect().await.unwrap();
    let mut client = AuthorizationClient::new(channel);
    let token = identity.sign_in(ADMIN, PASSWORD).await;
    assert_eq!(judge(&mut client, &token).await, 0);
    assert_eq!(judge(&mut client, "Bearer nonsense").await, 16);
    IdentityServiceClient::new(identity.channel().await).sign_out(by(&token, SignOutRequest {})).await.unwrap();
    eventually(Duration::from_secs(1), || {
        let (mut client, token) = (client.clone(), token.clone());
        async move { judge(&mut client, &token).await == 16 }
    })
    .await;
    drop(client);
    let status = gateway.stop(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}: {}", gateway.output());
    identity.stop().await;
}

#[test]
fn what_is_missing_is_named() {
    let output = kvartal(&["gateway", "serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--redis-url"));
}

#[test]
fn a_key_is_shown_before_it_signs_for_longer_than_anybody_remembers_the_keys_of_before() {
    use kvartal_identity::domain::KeyRing;
    use kvartal_mesh::auth::KEYS_FRESH;
    let settings = kvartal_gateway_grpc_web::envoy::Settings::default();
    let config = kvartal_gateway_grpc_web::envoy::config(kvartal_proto::contract(), &settings).to_string();
    let remembered = format!("\"cache_duration\":\"{}s\"", KEYS_FRESH.as_secs());
    assert!(config.contains(&remembered), "Envoy remembers the keys as long as services do");
    // Whoever reads them through a cache that may keep the answer for a minute has them a minute later.
    let kept_on_the_way = Duration::from_secs(60);
    assert!(KeyRing::AHEAD > 2 * (KEYS_FRESH + kept_on_the_way), "and once more, for a reading that fails");
}
