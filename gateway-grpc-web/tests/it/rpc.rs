//! gRPC and gRPC-Web on one port.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use kvartal_gateway_grpc_web::BODY_BYTES_MAX;
use kvartal_proto::audit::v1::ListRecordsRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::GetContactRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::incident::v1::UploadPhotoRequest;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::platform::{Front, Platform, frame, frames};

const HEALTH: &str = "/grpc.health.v1.Health/Check";

async fn web(platform: &Platform, path: &str, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let request = platform
        .request("POST", path)
        .header("content-type", content_type)
        .header("accept", content_type)
        .header("x-grpc-web", "1")
        .body(Full::new(body.into()))
        .unwrap();
    platform.send(request).await
}

/// The status, wherever the answer carries it.
fn status_of(answer: &Response<Bytes>) -> String {
    match answer.headers().get("grpc-status") {
        Some(status) => status.to_str().unwrap().to_owned(),
        None => {
            let (_, trailers) = frames(answer.body());
            let line = trailers.lines().find_map(|line| line.strip_prefix("grpc-status:")).expect("a status");
            line.trim().to_owned()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_both_modes_of_grpc_web_share_the_port() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let answer = HealthClient::new(platform.channel().await).check(HealthCheckRequest::default()).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);

        let answer = web(&platform, HEALTH, "application/grpc-web+proto", frame(b"")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let (messages, trailers) = frames(answer.body());
        assert_eq!(messages, [vec![8, 1]], "SERVING, encoded");
        assert!(trailers.contains("grpc-status:0"), "{trailers}");

        let answer = web(&platform, HEALTH, "application/grpc-web-text", STANDARD.encode(frame(b""))).await;
        // Each frame is encoded, and padded, by itself.
        let body: Vec<u8> = answer.body().chunks(4).flat_map(|quad| STANDARD.decode(quad).unwrap()).collect();
        assert_eq!(frames(&body).0, [vec![8, 1]]);
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_rpcs_are_refused_whoever_asks() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let user_id = "0190a1b2-0000-7000-8000-000000000000".to_owned();
        let mut request = tonic::Request::new(GetContactRequest { user_id });
        request.metadata_mut().insert("x-kvartal-mesh", "forged".parse().unwrap());
        let refused = IdentityServiceClient::new(platform.channel().await).get_contact(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(refused.get_error_details().error_info().unwrap().reason, "PERMISSION_DENIED");

        let path = "/kvartal.identity.v1.IdentityService/GetContact";
        let answer = web(&platform, path, "application/grpc-web", frame(b"")).await;
        assert_eq!(status_of(&answer), "7");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_services_answer_absent_ones_are_unavailable_unknown_ones_unimplemented() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let refused =
            AuditServiceClient::new(platform.channel().await).list_records(ListRecordsRequest::default()).await;
        assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated, "the stack behind the edge asks who calls");

        let absent =
            web(&platform, "/kvartal.incident.v1.ReportService/ListAreas", "application/grpc-web", frame(b"")).await;
        assert_eq!(status_of(&absent), "14");
        for path in ["/kvartal.audit.v1.AuditService/Erase", "/no.such.Service/Call", "/"] {
            let unknown = web(&platform, path, "application/grpc-web", frame(b"")).await;
            assert_eq!(status_of(&unknown), "12", "{path}");
        }
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_whatever_it_announces() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let content = vec![0; BODY_BYTES_MAX + 1];
        let announced = web(&platform, HEALTH, "application/grpc-web", content.clone()).await;
        assert_eq!(status_of(&announced), "8");

        // gRPC announces no length.
        let request = UploadPhotoRequest { content: content.clone().into() };
        let streamed = ReportServiceClient::new(platform.channel().await).upload_photo(request).await.unwrap_err();
        assert!(matches!(streamed.code(), Code::ResourceExhausted | Code::Unavailable), "{streamed:?}");

        let request = platform.request("POST", "/test/size").body(Full::new(content.into())).unwrap();
        assert_eq!(platform.send(request).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let request = platform.request("POST", "/test/size").body(Full::new(vec![0; 9_000_000].into())).unwrap();
        assert_eq!(platform.send(request).await.into_body(), "9000000");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_over_http_1_is_told_what_it_needs() {
    let platform = Platform::start(Front::InProcess).await;
    let answer = web(&platform, HEALTH, "application/grpc", frame(b"")).await;
    assert_eq!(answer.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    assert!(String::from_utf8_lossy(answer.body()).contains("HTTP/2"));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_is_refused_on_the_path_of_an_rpc() {
    let platform = Platform::start(Front::InProcess).await;
    let path = "/kvartal.audit.v1.AuditService/ListRecords";
    assert_eq!(web(&platform, path, "application/json", "{}").await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = platform.send(platform.request("GET", path).body(Full::default()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers()["allow"], "POST");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_can_list_the_services() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let ask = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new(platform.channel().await);
        let mut answers = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
        assert!(list.service.iter().any(|service| service.name == "kvartal.identity.v1.IdentityService"));
        drop(answers);
        drop(client);
        platform.stop().await;
    }
}
