//! A runtime with a certificate: what its sockets answer to whom, and what health and metrics tell.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Clock, ManualClock, SystemClock};
use kvartal_mesh::tls::ca::Authority;
use kvartal_mesh::tls::{EDGE, Identity, connector, endpoint};
use kvartal_proto::audit::v1::ListRecordsRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_testing::eventually;
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;

use crate::platform::{Platform, SOON, http, now};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn issue(authority: &Authority, folder: &Path, service: &str) {
    authority.issue(service, DAY, now()).unwrap().write(&folder.join(service)).unwrap();
}

async fn platform(folder: &Path) -> (Platform, Authority) {
    let authority = Authority::create(&folder.join("ca"), "kvartal", DAY * 30, now()).unwrap();
    issue(&authority, folder, "audit");
    let tls = folder.join("{service}");
    let platform = Platform::start(|config| {
        config.tls_dir = Some(tls);
        config.tls_names = vec!["audit".to_owned()];
        config.probe_listen = Some(([127, 0, 0, 1], 0).into());
        config.service_url = "https://{service}:9090".to_owned();
    })
    .await;
    (platform, authority)
}

fn call(platform: &Platform, identity: &Identity) -> Channel {
    let endpoint = endpoint(&format!("https://{}", platform.address)).unwrap();
    endpoint.connect_with_connector_lazy(connector(identity, "audit", SOON).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inner_port_is_for_certificates_and_the_probes_have_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (platform, authority) = platform(folder).await;
    let probes = platform.host.runtime.probes().unwrap();
    let (status, body) = http(probes, "GET", "/healthz", "", "").await;
    let report: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &report["status"]), (200, &"ready".into()), "{body}");
    let certificate = &report["certificates"][0];
    assert_eq!(certificate["name"], "spiffe://kvartal/audit");
    assert!(certificate["left_seconds"].as_u64().unwrap() > 23 * 3_600, "{body}");
    assert_eq!(http(probes, "GET", "/livez", "", "").await.0, 200);
    assert_eq!(http(probes, "GET", "/test/whoami", "", "").await.0, 404, "nothing but probes");
    let metrics = http(probes, "GET", "/metrics", "", "").await.1;
    let left = metrics.lines().find(|line| line.starts_with("kvartal_tls_certificate_left_seconds{"));
    assert!(left.is_some_and(|line| line.contains("service=\"audit\"")), "{metrics}");

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let identity = |name: &str| {
        issue(&authority, folder, name);
        Identity::load(folder.join(name), clock.clone()).unwrap()
    };
    let mut edge = AuditServiceClient::new(call(&platform, &identity(EDGE)));
    let token = platform.token(uuid(1), uuid(2), &["admin"]);
    let signed = || {
        let mut request = tonic::Request::new(ListRecordsRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    };
    edge.list_records(signed()).await.unwrap();
    let mut other = AuditServiceClient::new(call(&platform, &identity("incident")));
    assert_eq!(other.list_records(signed()).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(metrics_of(probes).await.contains("kvartal_tls_handshakes_total{"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_not_usable_degrades_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (platform, authority) = platform(folder.path()).await;
    let probes = platform.host.runtime.probes().unwrap();
    let key = folder.path().join("audit/tls.key");
    let good = std::fs::read(&key).unwrap();
    std::fs::write(&key, "half").unwrap();
    let report = eventually(SOON, || async {
        let (status, body) = http(probes, "GET", "/healthz", "", "").await;
        let report: Value = serde_json::from_str(&body).unwrap();
        (status == 200 && report["status"] == "degraded").then_some(report)
    })
    .await;
    let error = report["certificates"][0]["error"].as_str().unwrap();
    assert!(error.contains("holds no private key") && !error.contains("half"), "{error}");
    std::fs::write(&key, good).unwrap();
    authority.issue("audit", DAY, now()).unwrap().replace(&folder.path().join("audit")).unwrap();
    eventually(SOON, || async { http(probes, "GET", "/healthz", "", "").await.1.contains("\"ready\"") }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_that_is_over_a_service_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::create(&folder.path().join("ca"), "kvartal", DAY * 30, now()).unwrap();
    issue(&authority, folder.path(), "audit");
    let clock = Arc::new(ManualClock::at(now()));
    let config = kvartal_host::Config {
        tls_dir: Some(folder.path().join("audit")),
        tls_names: vec!["audit".to_owned()],
        service_url: "https://{service}".to_owned(),
        log: "off".to_owned(),
        ..kvartal_host::Config::embedded(folder.path().join("data"))
    };
    let runtime = kvartal_host::Runtime::start_with_clock(config, clock.clone()).await.unwrap();
    let down = || {
        let report = runtime.health().report();
        report.dependencies.into_iter().any(|row| row.name == "audit/certificate" && row.last_error.is_some())
    };
    assert!(!down());
    clock.advance(DAY * 2);
    eventually(SOON, || async { down() }).await;
    runtime.shutdown().await;
}

async fn metrics_of(address: std::net::SocketAddr) -> String {
    http(address, "GET", "/metrics", "", "").await.1
}

fn uuid(number: u128) -> kvartal_kernel::Uuid {
    kvartal_kernel::Uuid::from_u128(number)
}
