//! An authenticated call that does nothing: the price of the server stack beside bare tonic.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Clock as _, Error, SystemClock};
use kvartal_mesh::audit::{AuditSink, CallRecord};
use kvartal_mesh::auth::{
    AUDIENCE, Claims, ISSUER, JwtVerifier, KeySource, LocalRevocations, PublicKey, SigningKey, TokenKind,
};
use kvartal_mesh::rate::{LocalLimiter, RateNumbers};
use kvartal_mesh::server::{Limits, Listen, Stack};
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use kvartal_proto::audit::v1::{ListRecordsRequest, ListRecordsResponse, VerifyChainRequest, VerifyChainResponse};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::drive::{Contestant, connect, load};
use crate::report::Report;

const SEED: [u8; 32] = [42; 32];

struct Nothing;

#[async_trait]
impl AuditService for Nothing {
    async fn list_records(&self, _: Request<ListRecordsRequest>) -> Result<Response<ListRecordsResponse>, Status> {
        Ok(Response::new(ListRecordsResponse::default()))
    }

    async fn verify_chain(&self, _: Request<VerifyChainRequest>) -> Result<Response<VerifyChainResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[async_trait]
impl AuditSink for Nothing {
    async fn record(&self, _: CallRecord) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl KeySource for Nothing {
    async fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(vec![key().public().clone()])
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed("bench", &SEED).unwrap()
}

async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    listener
}

/// Plain tonic with its defaults.
pub(crate) async fn serve_bare() {
    let incoming = tonic::transport::server::TcpIncoming::from(listen().await).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .add_service(AuditServiceServer::new(Nothing))
        .serve_with_incoming(incoming)
        .await
        .unwrap();
}

/// The whole stack: span, metrics, deadline, token, revocation, access, rate, input rules.
pub(crate) async fn serve_full() {
    let stack = stack();
    let stop = stack.stop.clone();
    let service = stack.wrap(tonic::service::Routes::new(AuditServiceServer::new(Nothing)));
    kvartal_mesh::server::serve(listen().await, service, Listen::default(), stop).await.unwrap();
}

/// A stack of the audit service, with rates that nobody meets.
pub(crate) fn stack() -> Stack {
    let clock = Arc::new(SystemClock);
    let verifier = JwtVerifier::new(Arc::new(Nothing), Arc::new(LocalRevocations::new(clock.clone())), clock.clone());
    Stack {
        contract: kvartal_proto::contract(),
        service: "audit",
        verifier: Arc::new(verifier),
        mesh_key: None,
        limiter: Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default().times(1_000_000))),
        audit: Arc::new(Nothing),
        clock,
        stop: CancellationToken::new(),
        calls: tokio_util::task::TaskTracker::new(),
        limits: Limits::default(),
    }
}

/// Tokens of so many people.
pub(crate) fn tokens(people: usize) -> Vec<String> {
    let now = SystemClock.now().seconds();
    let token = |_| {
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: Uuid::new_v4(),
            sid: Some(Uuid::new_v4()),
            generation: 1,
            kind: TokenKind::User,
            roles: vec!["admin".into()],
            iat: now,
            nbf: now,
            exp: now + 3_600,
            jti: Uuid::new_v4(),
        };
        format!("Bearer {}", key().sign(&claims).unwrap())
    };
    (0..people).map(token).collect()
}

async fn call(channel: tonic::transport::Channel, token: String) -> bool {
    let mut request = Request::new(ListRecordsRequest { page_size: 10, ..ListRecordsRequest::default() });
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    AuditServiceClient::new(channel).list_records(request).await.is_ok()
}

pub(crate) async fn run(report: &mut Report) {
    let name = "authenticated no-op";
    if !report.wants(name) {
        return;
    }
    // As a day brings them.
    let tokens = Arc::new(tokens(1_000));
    let (full, bare) = (Contestant::start("full-noop"), Contestant::start("bare-noop"));
    let block = async |contestant: &Contestant, channels: &[_], lasting: Duration| {
        let tokens = tokens.clone();
        load(contestant.pid(), channels, lasting, move |channel| {
            let token = tokens[rand::random_range(0..tokens.len())].clone();
            call(channel, token)
        })
        .await
    };
    let (to_full, to_bare) = (connect(&full.url), connect(&bare.url));
    report
        .compare(
            name,
            "tonic with an empty handler",
            async |lasting| block(&full, &to_full, lasting).await,
            async |lasting| block(&bare, &to_bare, lasting).await,
        )
        .await;
}
