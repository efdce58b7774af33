//! Which services there are, and who may ask.

use kvartal_proto::host::v1::GetStatusRequest;
use kvartal_proto::host::v1::host_service_client::HostServiceClient;
use kvartal_proto::operations::v1 as pb;
use tonic::Code;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn every_service_of_the_contract_is_listed_well_or_with_what_is_wrong() {
    let stage = Stage::start().await;
    stage.runtime.health().started().await;
    let request = stage.request("admin", pb::ListServicesRequest {});
    let services = stage.client().list_services(request).await.unwrap().into_inner().services;
    let names: Vec<_> = services.iter().map(|report| report.service.as_str()).collect();
    let known: Vec<_> = kvartal_proto::contract().domains().collect();
    assert_eq!(names, known, "by name, and the service that each of them offers is none of its own");
    assert!(!names.contains(&"host"));

    let own = services.iter().find(|report| report.service == "operations").unwrap();
    let status = own.status.as_ref().unwrap();
    assert!(status.serving && !status.version.is_empty() && own.problem.is_empty());
    let database = status.dependencies.iter().find(|dependency| dependency.name == "operations/database").unwrap();
    assert!(database.up && database.required && database.since_time.is_some());

    let absent = services.iter().find(|report| report.service == "incident").unwrap();
    assert_eq!(absent.status, None);
    assert!(absent.problem.contains("incident"), "{}", absent.problem);
    assert!(services.iter().find(|report| report.service == "audit").unwrap().consumes_events);
    assert!(!own.consumes_events);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_ask_and_nobody_asks_a_service_itself() {
    let stage = Stage::start().await;
    let refused = stage.client().list_services(stage.request("dispatcher", pb::ListServicesRequest {})).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let mut host = HostServiceClient::new(stage.runtime.directory().local("operations").unwrap());
    let refused = host.get_status(stage.request("admin", GetStatusRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let channel = stage.runtime.directory().channel("operations", "incident").unwrap();
    let refused = HostServiceClient::new(channel).get_status(GetStatusRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "it has not declared the call");
}
