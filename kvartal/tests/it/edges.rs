//! What holds at the public port whichever edge stands there: the one inside the process, or Envoy.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kvartal_proto::audit::v1::ListRecordsRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetJwksRequest, GetProfileRequest, GetUserRequest};
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{ListCategoriesRequest, WatchIncidentsRequest, WatchIncidentsResponse};
use kvartal_testing::eventually;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::platform::{ADMIN, Front, PASSWORD, PATIENCE, Platform, by};

/// A platform behind this edge, and its administrator's authorization.
async fn start(front: Front) -> (Platform, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::behind(front, folder.path()).await;
    let admin = platform.sign_in(ADMIN, PASSWORD).await;
    (platform, admin, folder)
}

async fn send(request: Request<Full<Bytes>>) -> Response<Bytes> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

/// The reason in a status' details.
fn reason(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_looked_at_and_refusals_say_why() {
    for front in Front::BOTH {
        let (platform, admin, _folder) = start(front).await;
        let mut audit = AuditServiceClient::new(platform.channel().await);
        assert!(audit.list_records(by(&admin, ListRecordsRequest::default())).await.is_ok());

        let missing = audit.list_records(ListRecordsRequest::default()).await.unwrap_err();
        assert_eq!((missing.code(), reason(&missing).as_str()), (Code::Unauthenticated, "SIGN_IN_REQUIRED"));

        // The last sign of a signature carries spare bits; the one before it does not.
        let mut forged = admin.clone().into_bytes();
        let place = forged.len() - 2;
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let refused = audit.list_records(by(&forged, ListRecordsRequest::default())).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));

        // Who shows a token is taken at his word, even where none is needed.
        let mut identity = IdentityServiceClient::new(platform.channel().await);
        let refused = identity.get_jwks(by("Bearer nonsense", GetJwksRequest {})).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));
        assert!(identity.get_jwks(GetJwksRequest {}).await.is_ok());
        drop((audit, identity));
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_services_arrive_with_their_details() {
    for front in Front::BOTH {
        let (platform, admin, _folder) = start(front).await;
        let mut identity = IdentityServiceClient::new(platform.channel().await);
        let request = GetUserRequest { user_id: "nobody".to_owned() };
        let refused = identity.get_user(by(&admin, request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = tonic_types::StatusExt::get_error_details(&refused);
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "user_id");
        drop(identity);
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_default_timeouts_and_its_end_reaches_the_service() {
    for front in Front::BOTH {
        let (platform, _, _folder) = start(front).await;
        let open = || async {
            let (_, metrics) = platform.get("/metrics").await;
            let line = metrics.lines().find(|line| {
                line.starts_with("rpc_server_open{") && line.contains("\"stream\"") && line.contains("\"incident\"")
            });
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(-1.0)
        };
        let mut client = IncidentServiceClient::new(platform.channel().await);
        let began = Instant::now();
        let mut stream = client.watch_incidents(WatchIncidentsRequest::default()).await.unwrap().into_inner();
        let first = stream.message().await.unwrap().unwrap();
        assert!(first.incident.is_none() && !first.resume_token.is_empty());
        // The next heartbeat comes after 15 seconds, which is when a route of Envoy ends by default.
        while began.elapsed() < Duration::from_millis(15_500) {
            let next = tokio::time::timeout(Duration::from_secs(25), stream.message()).await.expect("a heartbeat");
            assert!(next.unwrap().is_some(), "cut after {:?}", began.elapsed());
            if began.elapsed() > Duration::from_secs(15) {
                break;
            }
        }
        assert!(open().await >= 1.0);
        drop(stream);
        eventually(PATIENCE, || async { open().await == 0.0 }).await;
        drop(client);
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_reads_a_stream_as_it_comes() {
    for front in Front::BOTH {
        let (platform, _, _folder) = start(front).await;
        let path = "/kvartal.incident.v1.IncidentService/WatchIncidents";
        let call = Request::post(format!("{}{path}", platform.url()))
            .header("content-type", "application/grpc-web+proto")
            .header("x-grpc-web", "1")
            .body(Full::new(Bytes::from_static(&[0; 5])))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(call).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let mut body = answer.into_body();
        let mut bytes = Vec::new();
        // The first message is here long before the stream ends.
        while bytes.len() < 5 || bytes.len() < 5 + u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize {
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
            bytes.extend_from_slice(&frame.into_data().unwrap());
        }
        let first = WatchIncidentsResponse::decode(&bytes[5..]).unwrap();
        assert!(!first.resume_token.is_empty());
        drop(body);
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_why_in_trailers() {
    for front in Front::BOTH {
        let (platform, _, _folder) = start(front).await;
        // An internal RPC, one that nobody knows, and one without the token it needs.
        let calls = [
            ("kvartal.identity.v1.IdentityService/GetContact", Code::PermissionDenied),
            ("kvartal.identity.v1.IdentityService/Nothing", Code::Unimplemented),
            ("kvartal.audit.v1.AuditService/ListRecords", Code::Unauthenticated),
        ];
        for (path, code) in calls {
            let call = Request::post(format!("{}/{path}", platform.url()))
                .header("content-type", "application/grpc-web+proto")
                .body(Full::new(Bytes::from_static(&[0; 5])))
                .unwrap();
            let answer = send(call).await;
            assert_eq!(answer.status(), StatusCode::OK, "browsers' libraries read details of nothing else: {path}");
            let trailers = String::from_utf8_lossy(answer.body().get(5..).unwrap_or_default()).into_owned();
            let find = |name: &str| {
                let header = answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
                let prefix = format!("{name}:");
                let trailer = || trailers.lines().find_map(|line| Some(line.strip_prefix(&prefix)?.trim().to_owned()));
                header.or_else(trailer)
            };
            assert_eq!(find("grpc-status"), Some(i32::from(code).to_string()), "{path}: {answer:?}");
            assert!(find("grpc-status-details-bin").is_some(), "{path}: {answer:?}");
        }
        platform.stop().await;
    }
}

async fn rest(platform: &Platform, method: &str, path: &str, authorization: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut call = Request::builder().method(method).uri(format!("{}{path}", platform.url()));
    if !authorization.is_empty() {
        call = call.header("authorization", authorization);
    }
    let answer = send(call.header("content-type", "application/json").body(Full::new(body)).unwrap()).await;
    let status = answer.status();
    assert_eq!(answer.headers()["content-type"], "application/json", "{path}: {answer:?}");
    (status, serde_json::from_slice(answer.body()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_path_answers_like_its_rpc() {
    for front in Front::BOTH {
        let (platform, admin, _folder) = start(front).await;
        let channel = platform.channel().await;
        let rpc = ReportServiceClient::new(channel.clone()).list_categories(ListCategoriesRequest {}).await.unwrap();
        let (status, answer) = rest(&platform, "GET", "/v1/categories", "", Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let ids = |answer: &Value| -> Vec<String> {
            let categories = answer["categories"].as_array().unwrap().iter();
            categories.map(|category| category["category_id"].as_str().unwrap().to_owned()).collect()
        };
        let expected: Vec<String> = rpc.into_inner().categories.into_iter().map(|it| it.category_id).collect();
        assert_eq!(ids(&answer), expected);

        let profile = IdentityServiceClient::new(channel).get_profile(by(&admin, GetProfileRequest {})).await.unwrap();
        let (_, answer) = rest(&platform, "GET", "/v1/profile", &admin, Value::Null).await;
        let user = profile.into_inner().user.unwrap();
        assert_eq!(
            (answer["user"]["user_id"].as_str(), answer["user"]["email"].as_str()),
            (Some(&*user.user_id), Some(ADMIN))
        );

        // A body, a part of the path, and a verb of its own.
        let path = format!("/v1/users/{}:grantRole", user.user_id);
        let (status, answer) = rest(&platform, "POST", &path, &admin, json!({ "role": "ROLE_EDITOR" })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_rest_paths_are_json_with_details() {
    for front in Front::BOTH {
        let (platform, admin, _folder) = start(front).await;
        let (status, answer) = rest(&platform, "GET", "/v1/users/nobody", &admin, Value::Null).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
        let details = answer["details"].as_array().unwrap();
        let bad = details.iter().find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.BadRequest").unwrap();
        assert_eq!(bad["field_violations"][0]["field"], "user_id", "{answer}");

        let (status, answer) = rest(&platform, "GET", "/v1/auditRecords", "", Value::Null).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!(16)));
        assert_eq!(answer["details"][0]["reason"], "SIGN_IN_REQUIRED", "{answer}");
        let (status, answer) = rest(&platform, "GET", "/v1/auditRecords", "Bearer nonsense", Value::Null).await;
        assert_eq!((status, &answer["details"][0]["reason"]), (StatusCode::UNAUTHORIZED, &json!("TOKEN_INVALID")));

        let (status, answer) = rest(&platform, "GET", "/v1/categories?no_such_field=1", "", Value::Null).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        let (status, answer) = rest(&platform, "POST", "/v1/sessions:signIn", "", json!({ "no_such_field": 1 })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        platform.stop().await;
    }
}
