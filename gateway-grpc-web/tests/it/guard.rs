//! What Envoy asks the guard about calls, and what it makes of the answers. The guard here is a stand-in that keeps the
//! questions; it also plays the pages, for the keys of access tokens.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use kvartal_gateway_grpc_web::envoy::{self, Settings};
use kvartal_kernel::{Clock as _, SystemClock};
use kvartal_mesh::auth::{AUDIENCE, Claims, ISSUER, SigningKey, TokenKind};
use kvartal_mesh::server::Listen;
use kvartal_proto::audit::v1::ListRecordsRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::SignInRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_testing::{Envoy, free_port};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

const RATES: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const SESSIONS: &str = "/envoy.service.auth.v3.Authorization/Check";

/// `RateLimitResponse { overall_code: OK }` and `OVER_LIMIT`.
const UNDER: &[u8] = &[8, 1];
const OVER: &[u8] = &[8, 2];
/// `CheckResponse { status: {} }`, and one with code UNAUTHENTICATED and `denied_response { status { code: 401 } }`.
const GOOD: &[u8] = &[0x0a, 0];
const REVOKED: &[u8] = &[0x0a, 2, 8, 16, 0x12, 5, 0x0a, 3, 8, 0x91, 3];

struct Guard {
    key: SigningKey,
    asked: Mutex<Vec<(String, String)>>,
    rates: Mutex<&'static [u8]>,
    sessions: Mutex<&'static [u8]>,
}

impl Guard {
    /// The questions of one kind since the last time, as readable as protobuf is.
    fn asked(&self, path: &str) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap();
        let of_kind = asked.iter().filter(|(of, _)| of == path).map(|(_, question)| question.clone()).collect();
        asked.retain(|(of, _)| of != path);
        of_kind
    }

    /// An access token of this account.
    fn token(&self, account: Uuid) -> String {
        let now = SystemClock.now().seconds();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account,
            sid: Some(Uuid::from_u128(2)),
            generation: 1,
            kind: TokenKind::User,
            roles: vec!["admin".to_owned()],
            iat: now,
            nbf: now,
            exp: now + 300,
            jti: Uuid::from_u128(3),
        };
        format!("Bearer {}", self.key.sign(&claims).unwrap())
    }
}

async fn answer(State(guard): State<Arc<Guard>>, uri: Uri, body: Bytes) -> http::Response<axum::body::Body> {
    let answer: &[u8] = match uri.path() {
        RATES => *guard.rates.lock().unwrap(),
        SESSIONS => *guard.sessions.lock().unwrap(),
        _ => return http::Response::builder().status(404).body(axum::body::Body::empty()).unwrap(),
    };
    guard.asked.lock().unwrap().push((uri.path().to_owned(), String::from_utf8_lossy(&body).into_owned()));
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
    let frames = [Frame::data(crate::platform::frame(answer)), Frame::trailers(trailers)];
    let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, std::convert::Infallible>))).boxed_unsync();
    let answer = http::Response::builder().header("content-type", "application/grpc");
    answer.body(axum::body::Body::new(body)).unwrap()
}

async fn keys(State(guard): State<Arc<Guard>>) -> axum::Json<serde_json::Value> {
    let public = guard.key.public();
    let x = URL_SAFE_NO_PAD.encode(public.x);
    let key = json!({ "kid": public.kid, "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig" });
    axum::Json(json!({ "keys": [key] }))
}

/// Envoy before nobody, with a guard.
struct World {
    guard: Arc<Guard>,
    envoy: Envoy,
    channel: Channel,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl World {
    async fn start() -> Self {
        let guard = Arc::new(Guard {
            key: SigningKey::from_seed("key", &[7; 32]).unwrap(),
            asked: Mutex::default(),
            rates: Mutex::new(UNDER),
            sessions: Mutex::new(GOOD),
        });
        let routes = Router::new()
            .route("/.well-known/jwks.json", get(keys))
            .fallback(any(answer))
            .with_state(Arc::clone(&guard));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let served = kvartal_mesh::server::serve(listener, routes, Listen::default(), stop.clone());
        tasks.spawn(async move { served.await.unwrap() });
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
            admin: SocketAddr::from(([127, 0, 0, 1], free_port())),
            upstream: "127.0.0.1:1".parse().unwrap(),
            pages: vec![address.into()],
            guard: vec![address.into()],
            ..Settings::default()
        };
        let config = envoy::yaml(&envoy::config(kvartal_proto::contract(), &settings)).unwrap();
        let envoy = Envoy::start(&config, settings.admin.port()).await;
        let channel = Endpoint::from_shared(format!("http://{}", settings.listen)).unwrap().connect().await.unwrap();
        Self { guard, envoy, channel, stop, tasks }
    }

    async fn sign_in(&self) -> Status {
        let request = SignInRequest { email: "a@b.example".to_owned(), password: "secret".to_owned() };
        IdentityServiceClient::new(self.channel.clone()).sign_in(request).await.unwrap_err()
    }

    async fn list_records(&self, authorization: &str) -> Status {
        let mut request = tonic::Request::new(ListRecordsRequest::default());
        request.metadata_mut().insert("authorization", authorization.parse().unwrap());
        AuditServiceClient::new(self.channel.clone()).list_records(request).await.unwrap_err()
    }

    async fn stop_guard(&mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_class_and_caller() {
    let mut world = World::start().await;
    // Nobody is there to answer: that is what a call meets that has passed.
    assert_eq!((world.sign_in().await.code(), world.guard.asked(SESSIONS).len()), (Code::Unavailable, 0));
    let asked = world.guard.asked(RATES);
    for part in ["kvartal", "class", "sensitive", "caller", "127.0.0.1"] {
        assert!(asked.len() == 1 && asked[0].contains(part), "{part} is missing: {asked:?}");
    }
    let account = Uuid::from_u128(0x0190_a1b2_0000_7000_8000_0000_0000_0001);
    assert_eq!(world.list_records(&world.guard.token(account)).await.code(), Code::Unavailable);
    let asked = world.guard.asked(RATES);
    assert!(asked.len() == 1 && asked[0].contains(&account.to_string()) && asked[0].contains("read"), "{asked:?}");

    *world.guard.rates.lock().unwrap() = OVER;
    let refused = world.sign_in().await;
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));

    world.stop_guard().await;
    let passed = world.sign_in().await;
    assert_eq!(reason(&passed), "SERVICE_UNREACHABLE", "services count too: without a guard calls pass");
    world.envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_looked_up_for_good_tokens_and_nobody_passes_when_they_cannot_be() {
    let mut world = World::start().await;
    let token = world.guard.token(Uuid::from_u128(1));
    let passed = world.list_records(&token).await;
    assert_eq!(reason(&passed), "SERVICE_UNREACHABLE");
    let asked = world.guard.asked(SESSIONS);
    assert!(asked.len() == 1 && asked[0].contains(&token), "the guard verifies by itself: {asked:?}");

    assert_eq!(reason(&world.list_records("Bearer nonsense").await), "TOKEN_INVALID");
    assert_eq!(world.guard.asked(SESSIONS).len(), 0, "nothing to look up");

    *world.guard.sessions.lock().unwrap() = REVOKED;
    let refused = world.list_records(&token).await;
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));

    world.stop_guard().await;
    let refused = world.list_records(&token).await;
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "REVOCATIONS_UNAVAILABLE"));
    world.envoy.stop().await;
}
