//! What the full stack adds to a call: the same handler bare and behind the stack, in process and over a socket.
//!
//! Prints the median of several rounds in microseconds of wall time per call, one call after another on one thread.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tasks end with the benchmark")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kvartal_kernel::{Clock as _, Error, Role, SystemClock, Uuid};
use kvartal_mesh::audit::NoAudit;
use kvartal_mesh::auth::{
    AUDIENCE, Claims, ISSUER, JwtVerifier, KeySource, LocalRevocations, PublicKey, SigningKey, TokenKind,
};
use kvartal_mesh::rate::{LocalLimiter, RateNumbers};
use kvartal_mesh::server::{Limits, Listen, Stack, serve};
use kvartal_mesh::{BoxService, Request as HttpRequest};
use kvartal_proto::audit::v1 as pb;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::service::Routes;
use tonic::transport::Endpoint;
use tonic::{Request, Response, Status};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(400);

struct Nothing;

#[async_trait]
impl AuditService for Nothing {
    async fn list_records(
        &self,
        _: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        Ok(Response::new(pb::ListRecordsResponse::default()))
    }

    async fn verify_chain(
        &self,
        _: Request<pb::VerifyChainRequest>,
    ) -> Result<Response<pb::VerifyChainResponse>, Status> {
        Ok(Response::new(pb::VerifyChainResponse::default()))
    }
}

struct Keys(PublicKey);

#[async_trait]
impl KeySource for Keys {
    async fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(vec![self.0.clone()])
    }
}

fn routes() -> Routes {
    Routes::new(AuditServiceServer::new(Nothing)).prepare()
}

fn stack(key: &SigningKey) -> BoxService {
    let clock = Arc::new(SystemClock);
    let revocations = Arc::new(LocalRevocations::new(clock.clone()));
    Stack {
        contract: kvartal_proto::contract(),
        service: "audit",
        verifier: Arc::new(JwtVerifier::new(Arc::new(Keys(key.public().clone())), revocations, clock.clone())),
        mesh_key: None,
        limiter: Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default().times(1_000_000))),
        audit: Arc::new(NoAudit),
        clock,
        stop: CancellationToken::new(),
        calls: TaskTracker::new(),
        limits: Limits::default(),
    }
    .wrap(routes())
}

fn bearer(key: &SigningKey) -> String {
    let now = SystemClock.now().seconds();
    let claims = Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: Uuid::from_u128(1),
        sid: Some(Uuid::from_u128(2)),
        generation: 0,
        kind: TokenKind::User,
        roles: vec![Role::Admin.name().into()],
        iat: now,
        nbf: now,
        exp: now + 600,
        jti: Uuid::from_u128(3),
    };
    format!("Bearer {}", key.sign(&claims).unwrap())
}

async fn measure<S>(name: &str, service: S, bearer: &str)
where
    S: GrpcService<Body> + Clone,
    S::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let mut client = AuditServiceClient::new(service);
    let mut micros = Vec::new();
    // The first round only warms up.
    for _ in 0..=ROUNDS {
        let (started, mut calls) = (Instant::now(), 0_u32);
        while started.elapsed() < ROUND {
            let mut request = Request::new(pb::ListRecordsRequest::default());
            request.metadata_mut().insert("authorization", bearer.parse().unwrap());
            client.list_records(request).await.unwrap();
            calls += 1;
        }
        micros.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    micros.remove(0);
    micros.sort_by(f64::total_cmp);
    println!("{name:<28}{:>9.2} µs", micros[ROUNDS / 2]);
}

async fn socket<S, B>(service: S) -> tonic::transport::Channel
where
    S: tower::Service<HttpRequest, Response = http::Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, service, Listen::default(), CancellationToken::new()));
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let key = SigningKey::from_seed("k1", &[1; 32]).unwrap();
    let bearer = bearer(&key);
    measure("in process, bare", routes(), &bearer).await;
    measure("in process, stack", stack(&key), &bearer).await;
    measure("socket, bare", socket(routes()).await, &bearer).await;
    measure("socket, stack", socket(stack(&key)).await, &bearer).await;
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).with_interval(Duration::from_secs(3_600));
    opentelemetry::global::set_meter_provider(SdkMeterProvider::builder().with_reader(reader.build()).build());
    measure("in process, stack, metrics", stack(&key), &bearer).await;
    measure("socket, stack, metrics", socket(stack(&key)).await, &bearer).await;
}
