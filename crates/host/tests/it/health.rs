//! Health as operators and Kubernetes see it.

use std::net::SocketAddr;

use kvartal_testing::{PostgresServer, eventually};
use serde_json::Value;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::platform::{Platform, SOON, host, http};

async fn report(platform: &Platform) -> (u16, Value) {
    let (status, body) = platform.get("/healthz", "").await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn grpc(platform: &Platform, service: &str) -> i32 {
    grpc_at(platform.address, service).await
}

async fn grpc_at(address: SocketAddr, service: &str) -> i32 {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.unwrap().into_inner().status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_database_is_shown_and_its_recovery_too() {
    let mut server = PostgresServer::start().await;
    let database = server.database().await;
    let url = database.url_for_schema("{service}");
    let platform = Platform::start(|config| config.database_url = Some(url)).await;
    let (status, body) = report(&platform).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("ready")), "{body}");
    assert_eq!(body["services"][0]["name"], "audit");
    assert_eq!(grpc(&platform, "kvartal.audit.v1.AuditService").await, ServingStatus::Serving as i32);

    server.kill();
    let body = eventually(SOON, || async {
        let (status, body) = report(&platform).await;
        (status == 503).then_some(body)
    })
    .await;
    assert_eq!(body["status"], "not_ready");
    assert_eq!(body["services"][0]["state"], "down");
    let database_row = &body["dependencies"][0];
    assert_eq!((&database_row["name"], &database_row["state"]), (&"audit/database".into(), &"down".into()));
    assert!(!database_row["last_error"].as_str().unwrap().is_empty());
    for name in ["", "audit", "kvartal.audit.v1.AuditService"] {
        eventually(SOON, || async { grpc(&platform, name).await == ServingStatus::NotServing as i32 }).await;
    }
    assert_eq!(platform.get("/livez", "").await.0, 200);

    server.restart().await;
    let body = eventually(SOON, || async {
        let (status, body) = report(&platform).await;
        (status == 200).then_some(body)
    })
    .await;
    assert_eq!(body["dependencies"][0]["state"], "up");
    assert!(body["dependencies"][0]["last_error"].is_string());
    eventually(SOON, || async { grpc(&platform, "audit").await == ServingStatus::Serving as i32 }).await;
}

#[tokio::test]
async fn until_everything_has_started_a_process_is_alive_and_not_ready() {
    let starting = host(|config| config.probe_listen = Some(([127, 0, 0, 1], 0).into())).await;
    let probes = starting.runtime.probes().unwrap();
    assert_eq!(http(probes, "GET", "/livez", "", "").await.0, 200);
    assert_eq!(http(probes, "GET", "/healthz", "", "").await.0, 503);
    assert_eq!(grpc_at(probes, "").await, ServingStatus::NotServing as i32);
    starting.runtime.health().started().await;
    assert_eq!(http(probes, "GET", "/healthz", "", "").await.0, 200);
    assert_eq!(grpc_at(probes, "").await, ServingStatus::Serving as i32);
}

#[tokio::test]
async fn a_task_that_panics_ends_readiness() {
    let platform = Platform::start(|_| {}).await;
    assert!(platform.host.runtime.health().ready());
    platform.host.runtime.spawn("unlucky", async { panic!("on purpose") });
    eventually(SOON, || async { platform.get("/healthz", "").await.0 == 503 }).await;
    let (_, body) = report(&platform).await;
    assert_eq!(body["failed_tasks"][0], "unlucky");
    eventually(SOON, || async { grpc(&platform, "").await == ServingStatus::NotServing as i32 }).await;
}

#[tokio::test]
async fn two_processes_do_not_share_a_data_folder() {
    let first = host(|_| {}).await;
    let config = first.runtime.config().clone();
    let error = kvartal_host::Runtime::start(config).await.err().unwrap().to_string();
    assert!(error.contains("another process uses --data-dir"), "{error}");
}
