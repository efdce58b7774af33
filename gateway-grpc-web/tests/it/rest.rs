//! REST at the edge: before a service of this process, and before one of another.

mod stub;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use kvartal_gateway_grpc_web::{BODY_BYTES_MAX, OPENAPI_PATH, Options};
use kvartal_host::{Config, Runtime};
use kvartal_proto::incident::v1::WatchIncidentsResponse;
use serde_json::{Value, json};
use tonic::Status;

use self::stub::serve_stub;
use crate::platform::{Front, Platform};

async fn ask(platform: &Platform, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let request =
        headers.iter().fold(platform.request(method, path), |request, (name, value)| request.header(*name, *value));
    platform.send(request.body(Full::new(body.to_owned().into())).unwrap()).await
}

fn json_of(answer: &Response<Bytes>) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_slice(answer.body()).unwrap()
}

/// The reason in the answer's `google.rpc.ErrorInfo`.
fn reason(answer: &Response<Bytes>) -> String {
    let body = json_of(answer);
    let info = body["details"].as_array().unwrap().iter().find(|detail| detail["reason"].is_string());
    info.unwrap_or_else(|| panic!("no reason in {body}"))["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_arrives_with_its_caller_and_what_belongs_to_it() {
    let platform = Platform::start(Front::InProcess).await;
    let _feed = serve_stub(&platform.runtime).await;
    let headers = [
        ("accept-language", "ru"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("user-agent", "curl/8"),
        ("x-other", "stays"),
        ("accept-encoding", "gzip"),
        ("x-kvartal-mesh", "forged"),
    ];
    let path = "/v1/incidents?page_size=7&filter.statuses=INCIDENT_STATUS_NEW&filter.statuses=2";
    let answer = ask(&platform, "GET", path, &headers, "").await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let body = json_of(&answer);
    assert_eq!(body["incidents"], json!([]), "defaults are written");
    let mut seen: Value = serde_json::from_str(body["next_page_token"].as_str().unwrap()).unwrap();
    let traceparent = seen.as_object_mut().unwrap().remove("traceparent").unwrap();
    let traceparent = traceparent.as_str().unwrap();
    // The trace goes on, with the edge's own span and its own word on whether it is kept.
    assert!(traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{traceparent}");
    assert!(!traceparent.contains("b7ad6b7169203331"), "{traceparent}");
    assert_eq!(
        seen,
        json!({
            "page_size": 7, "statuses": [1, 2], "address": "127.0.0.1", "user_agent": "curl/8", "language": "ru",
            "others": false,
        })
    );
    let late = ask(&platform, "GET", "/v1/incidents", &[("grpc-timeout", "0m")], "").await;
    assert_eq!((late.status(), reason(&late)), (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED".to_owned()));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_those_of_the_contract_in_the_words_of_http() {
    let platform = Platform::start(Front::InProcess).await;
    let answer = ask(&platform, "GET", "/v1/auditRecords", &[], "").await;
    assert_eq!((answer.status(), reason(&answer)), (StatusCode::UNAUTHORIZED, "SIGN_IN_REQUIRED".to_owned()));
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    let answer = ask(&platform, "GET", "/v1/auditRecords", &[("authorization", "Bearer nonsense")], "").await;
    assert_eq!((answer.status(), reason(&answer)), (StatusCode::UNAUTHORIZED, "TOKEN_INVALID".to_owned()));
    let answer = ask(&platform, "GET", "/v1/areas", &[], "").await;
    assert_eq!((answer.status(), reason(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_ABSENT".to_owned()));
    // A photo's page belongs to a service that does not run anywhere.
    assert_eq!(platform.get("/photos/x").await.0, StatusCode::SERVICE_UNAVAILABLE);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_paths_and_contents_that_do_not_fit_are_told_as_http_has_it() {
    let platform = Platform::start(Front::InProcess).await;
    let _feed = serve_stub(&platform.runtime).await;
    let other = ask(&platform, "DELETE", "/v1/incidents", &[], "").await;
    assert_eq!((other.status(), reason(&other)), (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED".to_owned()));
    assert_eq!(other.headers()["allow"], "GET, POST, HEAD, OPTIONS");
    let options = ask(&platform, "OPTIONS", "/v1/incidents/x:assign", &[], "").await;
    assert_eq!(
        (options.status(), options.headers()["allow"].to_str().unwrap()),
        (StatusCode::NO_CONTENT, "POST, OPTIONS")
    );
    let get = ask(&platform, "GET", "/v1/incidents", &[], "").await;
    let head = ask(&platform, "HEAD", "/v1/incidents", &[], "").await;
    assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
    assert_eq!(head.headers()["content-length"], get.body().len().to_string());
    for unknown in ["/v1", "/v1/", "/v1/incidents/", "/v1/nothing", "/v1/incidents/%ff", "/V1/incidents"] {
        assert_eq!(platform.get(unknown).await.0, StatusCode::NOT_FOUND, "{unknown}");
    }
    let json = ("content-type", "application/json; charset=utf-8");
    for headers in [
        vec![],
        vec![("content-type", "text/plain")],
        vec![("content-type", "application/x-www-form-urlencoded")],
        vec![json, ("content-encoding", "gzip")],
    ] {
        let refused = ask(&platform, "POST", "/v1/incidents", &headers, "{}").await;
        assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{headers:?}");
        assert_eq!(reason(&refused), "CONTENT_TYPE_UNSUPPORTED");
    }
    let broken = ask(&platform, "POST", "/v1/incidents", &[json], "{\"title\": }").await;
    // What is wrong with it learns who may call.
    assert_eq!((broken.status(), reason(&broken)), (StatusCode::UNAUTHORIZED, "SIGN_IN_REQUIRED".to_owned()));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_whatever_it_announces() {
    let platform = Platform::start(Front::InProcess).await;
    let _feed = serve_stub(&platform.runtime).await;
    let body = format!("{{\"title\": \"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    let headers = [("content-type", "application/json")];
    let announced = ask(&platform, "POST", "/v1/incidents", &headers, &body).await;
    assert_eq!((announced.status(), reason(&announced)), (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE".to_owned()));

    // Written by hand: in chunks, so that no length is announced.
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(platform.address).await.unwrap();
    let head = "POST /v1/incidents HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    for _ in 0..10 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"1\r\nx\r\n0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
    platform.stop().await;
}

/// The next part of a body, as it came.
async fn next(body: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("in time")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

async fn open(platform: &Platform, accept: &str) -> Response<Incoming> {
    let request = platform.request("GET", "/v1/incidents:watch?resume_token=x").header("accept", accept);
    platform.open(request.body(Full::default()).unwrap()).await
}

fn heartbeat(token: &str) -> Result<WatchIncidentsResponse, Status> {
    Ok(WatchIncidentsResponse { resume_token: token.to_owned(), incident: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_each_message_at_once_in_a_line_and_ends_with_its_error() {
    let platform = Platform::start(Front::InProcess).await;
    let feed = serve_stub(&platform.runtime).await;
    let answer = open(&platform, "*/*").await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let mut body = answer.into_body();
    for token in ["one", "two"] {
        // The second is not even made before the first has arrived.
        feed.send(heartbeat(token)).await.unwrap();
        assert_eq!(next(&mut body).await.unwrap(), format!("{{\"resume_token\":\"{token}\"}}\n"));
    }
    feed.send(Err(Status::unavailable("gone"))).await.unwrap();
    let last: Value = serde_json::from_str(&next(&mut body).await.unwrap()).unwrap();
    assert_eq!(last, json!({ "error": { "code": 14, "message": "gone", "details": [] } }));
    assert_eq!(next(&mut body).await, None);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_events_for_whoever_accepts_them() {
    let platform = Platform::start(Front::InProcess).await;
    let feed = serve_stub(&platform.runtime).await;
    let answer = open(&platform, "text/event-stream").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-cache");
    let mut body = answer.into_body();
    feed.send(heartbeat("one")).await.unwrap();
    assert_eq!(next(&mut body).await.unwrap(), "data: {\"resume_token\":\"one\"}\n\n");
    feed.send(Err(Status::unavailable("gone"))).await.unwrap();
    let error = next(&mut body).await.unwrap();
    assert!(error.starts_with("event: error\ndata: {\"code\":14,") && error.ends_with("\n\n"), "{error}");
    assert_eq!(next(&mut body).await, None);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_its_reader_leaves_ends_in_the_service_too() {
    let platform = Platform::start(Front::InProcess).await;
    let feed = serve_stub(&platform.runtime).await;
    let mut body = open(&platform, "*/*").await.into_body();
    feed.send(heartbeat("one")).await.unwrap();
    next(&mut body).await.unwrap();
    drop(body);
    tokio::time::timeout(Duration::from_secs(20), feed.closed()).await.expect("the stream has ended");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_another_process_is_reached_by_rest_and_by_its_pages() {
    let data = tempfile::tempdir().unwrap();
    let elsewhere = Runtime::start(Config::embedded(data.path())).await.unwrap();
    let feed = serve_stub(&elsewhere).await;
    let address = kvartal_host::listen(&elsewhere, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let peers = vec![("incident".to_owned(), format!("http://{address}"))];
    let platform = Platform::start_with(Front::InProcess, Options { peers, ..Options::default() }).await;

    let answer = ask(&platform, "GET", "/v1/incidents?page_size=3", &[("user-agent", "curl/8")], "").await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    let seen: Value = serde_json::from_str(json_of(&answer)["next_page_token"].as_str().unwrap()).unwrap();
    assert_eq!((&seen["page_size"], &seen["address"]), (&json!(3), &json!("127.0.0.1")));
    let refused = ask(&platform, "GET", "/v1/incidents/x/timeline", &[], "").await;
    assert_eq!((refused.status(), reason(&refused)), (StatusCode::UNAUTHORIZED, "SIGN_IN_REQUIRED".to_owned()));
    assert_eq!(platform.get("/photos/x.jpg").await, (StatusCode::OK, "a photo".to_owned()));
    assert_eq!(platform.get("/wzdx/none").await.0, StatusCode::NOT_FOUND, "the other process says so");

    let mut body = open(&platform, "*/*").await.into_body();
    feed.send(heartbeat("far")).await.unwrap();
    assert_eq!(next(&mut body).await.unwrap(), "{\"resume_token\":\"far\"}\n");
    drop(body);

    let stopped = elsewhere.shutdown().await;
    assert!(stopped.clean(), "{stopped:?}");
    let gone = ask(&platform, "GET", "/v1/incidents", &[], "").await;
    assert_eq!((gone.status(), reason(&gone)), (StatusCode::SERVICE_UNAVAILABLE, "NO_ENDPOINT_READY".to_owned()));
    assert_eq!(platform.get("/photos/x.jpg").await.0, StatusCode::SERVICE_UNAVAILABLE);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_may_use_every_method_when_they_are_invited() {
    let allow_origin = vec!["https://app.example".to_owned()];
    let platform = Platform::start_with(Front::InProcess, Options { allow_origin, ..Options::default() }).await;
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "PATCH")];
    let answer = ask(&platform, "OPTIONS", "/v1/profile", &headers, "").await;
    let allowed = answer.headers()["access-control-allow-methods"].to_str().unwrap();
    assert!(["PUT", "PATCH", "DELETE"].iter().all(|method| allowed.contains(method)), "{allowed}");
    platform.stop().await;
}

/// Every `$ref` in a document.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_has_every_path_and_is_sound() {
    let platform = Platform::start(Front::InProcess).await;
    let (status, text) = platform.get(OPENAPI_PATH).await;
    assert_eq!(status, StatusCode::OK);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for method in kvartal_proto::contract().methods() {
        for rule in &method.http {
            let verb = format!("{:?}", rule.verb).to_lowercase();
            let operation = &document["paths"][&rule.path][&verb];
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{} {operation}", method.path);
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "twice: {}", operation["operationId"]);
            let named = operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "path").count();
            assert_eq!(named, rule.path.matches('{').count(), "{}", rule.path);
        }
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.contains("#/components/schemas/google.rpc.Status"));
    for reference in &found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let query = document["paths"]["/v1/reports"]["get"]["parameters"].as_array().unwrap();
    let area = query.iter().find(|p| p["name"] == "filter.area_id").expect("fields of fields are parameters");
    assert_eq!(area["description"], "In this area.", "comments are descriptions");
    let photo = &document["components"]["schemas"]["kvartal.incident.v1.CreateReportRequest"]["properties"];
    assert_eq!(photo["photo_ids"]["maxItems"], 10, "input rules are constraints");
    assert!(platform.get("/start").await.1.contains(OPENAPI_PATH), "the start page leads there");
    platform.stop().await;
}
