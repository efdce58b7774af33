//! What Envoy asks, through gRPC as Envoy does, with a real Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kvartal_gateway_grpc_web::protocol::envoy::config::core::v3::HeaderValue;
use kvartal_gateway_grpc_web::protocol::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use kvartal_gateway_grpc_web::protocol::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::check_response::HttpResponse;
use kvartal_gateway_grpc_web::protocol::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse,
};
use kvartal_gateway_grpc_web::protocol::envoy::service::ratelimit::v3::RateLimitRequest;
use kvartal_gateway_grpc_web::protocol::envoy::service::ratelimit::v3::rate_limit_response::Code;
use kvartal_gateway_grpc_web::protocol::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;
use kvartal_gateway_grpc_web::{ratelimit, serve_beside_envoy};
use kvartal_host::redis::{Redis, RedisRevocations};
use kvartal_host::{Config, Runtime};
use kvartal_kernel::{Clock as _, SystemClock, Uuid};
use kvartal_mesh::auth::Revoke as _;
use kvartal_stage::People;
use kvartal_testing::{RedisServer, eventually};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

/// The services beside Envoy, on a socket, and the people whose tokens they believe.
struct Beside {
    runtime: Runtime,
    address: SocketAddr,
    people: People,
    _data: tempfile::TempDir,
}

impl Beside {
    async fn start(redis_url: String, shadow: bool) -> Self {
        let data = tempfile::tempdir().unwrap();
        let config =
            Config { redis_url: Some(redis_url), log: "off".to_owned(), ..Config::embedded(data.path().join("none")) };
        let runtime = Runtime::start_without_events(config).await.unwrap();
        let people = People::new(Arc::new(SystemClock));
        kvartal_stage::stand_in(&runtime, "identity", kvartal_stage::identity(&people));
        let address = serve_beside_envoy(&runtime, ([127, 0, 0, 1], 0).into(), shadow).await.unwrap();
        runtime.health().started().await;
        assert!(!data.path().join("none").exists(), "it keeps nothing");
        Self { runtime, address, people, _data: data }
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    fn token(&self, user: Uuid, session: Uuid) -> String {
        self.people.token(user, session, &["citizen"])
    }

    async fn stop(self) {
        let stopped = self.runtime.shutdown().await;
        assert!(stopped.clean(), "{stopped:?}");
    }
}

fn question(headers: &[(&str, &str)]) -> CheckRequest {
    let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    about(HttpRequest { method: "POST".to_owned(), headers, ..HttpRequest::default() })
}

fn about(http: HttpRequest) -> CheckRequest {
    CheckRequest { attributes: Some(AttributeContext { request: Some(Request { http: Some(http) }) }) }
}

async fn check(client: &mut AuthorizationClient<Channel>, question: CheckRequest) -> CheckResponse {
    client.check(question).await.unwrap().into_inner()
}

/// 0 lets the request pass.
fn code(answer: &CheckResponse) -> i32 {
    let passes = matches!(answer.http_response, Some(HttpResponse::OkResponse(_)));
    let code = answer.status.as_ref().unwrap().code;
    assert_eq!(passes, code == 0, "{answer:?}");
    code
}

fn denied(answer: CheckResponse) -> DeniedHttpResponse {
    match answer.http_response {
        Some(HttpResponse::DeniedResponse(denied)) => denied,
        other => panic!("not denied: {other:?}"),
    }
}

/// What a client makes of a refusal: Envoy adds code and message.
fn reason(answer: CheckResponse) -> String {
    let denied = denied(answer);
    let header = denied.headers.iter().filter_map(|option| option.header.as_ref());
    let details = header.clone().find(|header| header.key == "grpc-status-details-bin").unwrap();
    let details = STANDARD_NO_PAD.decode(&details.value).unwrap();
    let status = tonic::Status::with_details(tonic::Code::Unauthenticated, denied.body, details.into());
    status.get_details_error_info().unwrap().reason
}

const CALL: (&str, &str) = ("content-type", "application/grpc");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_judged_and_requests_without_one_pass() {
    let redis = kvartal_testing::redis().await;
    let beside = Beside::start(redis.url(), false).await;
    let mut client = AuthorizationClient::new(beside.channel().await);
    assert_eq!(code(&check(&mut client, question(&[CALL])).await), 0);

    let user = Uuid::new_v4();
    let bearer = format!("Bearer {}", beside.token(user, Uuid::new_v4()));
    let known = check(&mut client, question(&[CALL, ("authorization", &bearer)])).await;
    assert_eq!(code(&known), 0);
    let caller = known.dynamic_metadata.unwrap().fields["caller"].kind.clone();
    assert_eq!(caller, Some(prost_types::value::Kind::StringValue(user.to_string())));

    let forged = People::forgers(Arc::new(SystemClock)).token(user, Uuid::new_v4(), &["citizen"]);
    let forged = format!("Bearer {forged}");
    for bad in ["Bearer nonsense", "Basic YTpi", "Bearer", "", &forged, &format!("{bearer},{bearer}")] {
        let answer = check(&mut client, question(&[CALL, ("authorization", bad)])).await;
        assert_eq!(code(&answer), 16, "{bad}");
        assert_eq!(reason(answer), "TOKEN_INVALID");
    }
    // Where Envoy sends the headers one by one.
    let header = |value: &str| HeaderValue {
        key: "authorization".to_owned(),
        raw_value: value.into(),
        ..HeaderValue::default()
    };
    let one_by_one = |values: &[&str]| {
        let headers = values.iter().map(|value| header(value)).collect();
        let map = kvartal_gateway_grpc_web::protocol::envoy::config::core::v3::HeaderMap { headers };
        about(HttpRequest { header_map: Some(map), ..HttpRequest::default() })
    };
    assert_eq!(code(&check(&mut client, one_by_one(&[&bearer])).await), 0);
    assert_eq!(code(&check(&mut client, one_by_one(&[&bearer, &bearer])).await), 16);

    let plain = denied(check(&mut client, question(&[("authorization", "Bearer nonsense")])).await);
    assert_eq!(plain.status.unwrap().code, 401);
    let body: serde_json::Value = serde_json::from_str(&plain.body).unwrap();
    assert_eq!(body["reason"], "TOKEN_INVALID");
    let nothing = client.check(CheckRequest::default()).await.unwrap_err();
    assert_eq!(nothing.code(), tonic::Code::InvalidArgument, "Envoy takes an error for a refusal");
    drop(client);
    beside.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_elsewhere_cuts_a_session_off_within_a_second() {
    let redis = kvartal_testing::redis().await;
    let beside = Beside::start(redis.url(), false).await;
    let mut client = AuthorizationClient::new(beside.channel().await);
    let elsewhere = Redis::connect(&redis.url()).await.unwrap();
    let elsewhere = RedisRevocations::start(elsewhere, Arc::new(SystemClock)).await.unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let session = Uuid::new_v4();
        let bearer = format!("Bearer {}", beside.token(Uuid::new_v4(), session));
        let asked = || question(&[CALL, ("authorization", &bearer)]);
        assert_eq!(code(&check(&mut client, asked()).await), 0);
        elsewhere.revoke_session(session, SystemClock.now().plus(Duration::from_secs(600))).await.unwrap();
        let revoked = Instant::now();
        let answer = eventually(Duration::from_secs(1), || {
            let (mut client, asked) = (client.clone(), asked());
            async move {
                let answer = check(&mut client, asked).await;
                (code(&answer) != 0).then_some(answer)
            }
        })
        .await;
        assert_eq!((code(&answer), reason(answer)), (16, "SESSION_REVOKED".to_owned()));
        slowest = slowest.max(revoked.elapsed());
    }
    println!("a revoked session was cut off within {slowest:?} at the latest");
    drop(client);
    beside.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_token_is_judged_in_a_moment() {
    let redis = kvartal_testing::redis().await;
    let beside = Beside::start(redis.url(), false).await;
    let mut client = AuthorizationClient::new(beside.channel().await);
    let bearer = format!("Bearer {}", beside.token(Uuid::new_v4(), Uuid::new_v4()));
    let mut took = Vec::new();
    for _ in 0..500 {
        let began = Instant::now();
        assert_eq!(code(&check(&mut client, question(&[CALL, ("authorization", &bearer)])).await), 0);
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| took[took.len() * share / 1_000];
    println!("authorization over a socket: p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    // Envoy waits for 200 ms. Not the slowest ones: tests share the machine with compilers.
    assert!(at(500) < Duration::from_millis(100), "{:?}", at(500));
    drop(client);
    beside.stop().await;
}

fn counted(class: &str, caller: &str) -> RateLimitRequest {
    let entry = |(key, value): (&str, &str)| Entry { key: key.to_owned(), value: value.to_owned() };
    let entries = [("class", class), ("caller", caller)].map(entry).to_vec();
    let descriptors = vec![RateLimitDescriptor { entries, hits_addend: None }];
    RateLimitRequest { domain: ratelimit::DOMAIN.to_owned(), descriptors, hits_addend: 0 }
}

async fn may(client: &mut RateLimitServiceClient<Channel>, class: &str, caller: &str) -> bool {
    client.should_rate_limit(counted(class, caller)).await.unwrap().into_inner().overall_code() == Code::Ok
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_edges_count_together_in_books_of_their_own() {
    let redis = kvartal_testing::redis().await;
    let (one, two) = (Beside::start(redis.url(), false).await, Beside::start(redis.url(), false).await);
    let mut clients = [one.channel().await, two.channel().await].map(RateLimitServiceClient::new);
    let user = Uuid::new_v4();
    // The service behind the edge counts the same calls of the same caller, at the same rate.
    let service = one.runtime.limiter();
    let (mut at_the_edge, mut at_the_service) = (0, 0);
    for call in 0..40 {
        at_the_edge += u32::from(may(&mut clients[call % 2], "sensitive", &user.to_string()).await);
        let class = kvartal_contract::RateClass::Sensitive;
        at_the_service += u32::from(service.check(class, &format!("id:{user}")).await.is_ok());
    }
    assert_eq!((at_the_edge, at_the_service), (20, 20), "neither takes from the other");
    drop(clients);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_guessing_is_refused_and_the_rest_goes_on() {
    let mut server = RedisServer::start().await;
    let beside = Beside::start(server.url(), false).await;
    let mut rates = RateLimitServiceClient::new(beside.channel().await);
    let mut authz = AuthorizationClient::new(beside.channel().await);
    let bearer = format!("Bearer {}", beside.token(Uuid::new_v4(), Uuid::new_v4()));
    assert_eq!(code(&check(&mut authz, question(&[("authorization", &bearer)])).await), 0);
    assert!(may(&mut rates, "sensitive", "a").await);
    server.kill();
    assert!(!may(&mut rates, "sensitive", "b").await, "closed");
    let mut allowed = 0;
    for _ in 0..60 {
        allowed += u32::from(may(&mut rates, "write", "b").await);
    }
    assert!((30..60).contains(&allowed), "counted in this process: {allowed}");
    // What is known about sessions is too old after ten seconds.
    let refused = eventually(Duration::from_secs(20), || {
        let (mut authz, asked) = (authz.clone(), question(&[CALL, ("authorization", &bearer)]));
        async move {
            let answer = check(&mut authz, asked).await;
            (code(&answer) == 14).then_some(answer)
        }
    })
    .await;
    assert_eq!(reason(refused), "REVOCATIONS_STALE");
    assert_eq!(code(&check(&mut authz, question(&[CALL])).await), 0, "who shows no token needs no list");
    server.restart().await;
    eventually(Duration::from_secs(5), || {
        let (mut authz, mut rates, asked) = (authz.clone(), rates.clone(), question(&[("authorization", &bearer)]));
        async move { code(&check(&mut authz, asked).await) == 0 && may(&mut rates, "sensitive", "c").await }
    })
    .await;
    drop((rates, authz));
    beside.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_tell_how_they_are() {
    let redis = kvartal_testing::redis().await;
    let beside = Beside::start(redis.url(), true).await;
    let mut health = HealthClient::new(beside.channel().await);
    for service in
        ["", "envoy.service.ratelimit.v3.RateLimitService", "envoy.service.auth.v3.Authorization"].map(str::to_owned)
    {
        let answer = health.check(HealthCheckRequest { service: service.clone() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service}");
    }
    let mut rates = RateLimitServiceClient::new(beside.channel().await);
    for _ in 0..30 {
        assert!(may(&mut rates, "sensitive", "a").await, "a shadow refuses nobody");
    }
    let metrics = beside.runtime.metrics();
    for part in ["kvartal_gateway_rate_decisions", "decision=\"shadowed\"", "kvartal_gateway_rate_duration"] {
        assert!(metrics.contains(part), "{part} in {metrics}");
    }
    drop((health, rates));
    beside.stop().await;
}
