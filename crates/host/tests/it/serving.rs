//! Calls through the socket: identity, audit, plain HTTP and its limits.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::{Error, Uuid};
use kvartal_proto::audit::v1::{CallAudited, ListRecordsRequest, VerifyChainRequest};
use tokio::sync::mpsc;
use tonic::{Code, Request};

use crate::platform::{Platform, SOON, http, now};

struct Collect(mpsc::UnboundedSender<Event>);

#[async_trait]
impl Handler for Collect {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let _ = self.0.send(event.clone());
        Ok(())
    }
}

fn signed<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audited_call_becomes_an_event_that_reaches_its_consumer() {
    audited_call(Platform::start(|_| {}).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_postgresql_rabbitmq_and_redis_it_is_the_same() {
    let (postgres, rabbit, redis) =
        tokio::join!(kvartal_testing::postgres(), kvartal_testing::rabbitmq(), kvartal_testing::redis());
    let platform = Platform::start(|config| {
        config.database_url = Some(postgres.url_for_schema("{service}"));
        config.bus_url = Some(rabbit.url());
        config.redis_url = Some(redis.url());
    })
    .await;
    let report = platform.host.runtime.health().report();
    let names: Vec<_> = report.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
    assert_eq!((report.status, names), ("ready", vec!["audit/database", "bus", "redis"]));
    // Nothing is kept in the data folder, so several processes may have the same.
    assert!(!platform.host.runtime.config().data_dir.exists());
    audited_call(platform).await;
}

async fn audited_call(platform: Platform) {
    let (sender, mut events) = mpsc::unbounded_channel();
    platform.host.runtime.consume("audit", Arc::new(Collect(sender))).await.unwrap();
    let (user, session) = (Uuid::new_v4(), Uuid::new_v4());
    let token = platform.token(user, session, &["admin"]);
    platform.gate.open.notify_one();
    let answer = platform.audit().await.verify_chain(signed(VerifyChainRequest::default(), &token)).await.unwrap();
    assert!(answer.into_inner().intact);
    let event = tokio::time::timeout(SOON, events.recv()).await.unwrap().unwrap();
    assert_eq!((event.source.as_str(), &event.subject), ("audit", &user.to_string()));
    assert!(!event.traceparent.is_empty(), "an event carries the trace of its call");
    let call: CallAudited = event.decode().unwrap();
    assert_eq!(call.method, "/kvartal.audit.v1.AuditService/VerifyChain");
    assert_eq!((call.actor_id, call.session_id, call.outcome.as_str()), (user.to_string(), session.to_string(), "OK"));
    assert_eq!(call.address, "127.0.0.1");
    assert!(platform.host.runtime.shutdown().await.clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_and_revocations_are_enforced() {
    let platform = Platform::start(|_| {}).await;
    let mut audit = platform.audit().await;
    let (user, session) = (Uuid::new_v4(), Uuid::new_v4());
    let list = ListRecordsRequest::default;
    assert_eq!(audit.list_records(list()).await.unwrap_err().code(), Code::Unauthenticated);
    let citizen = platform.token(user, session, &["citizen"]);
    assert_eq!(audit.list_records(signed(list(), &citizen)).await.unwrap_err().code(), Code::PermissionDenied);
    let admin = platform.token(user, session, &["admin"]);
    audit.list_records(signed(list(), &admin)).await.unwrap();
    let until = now().plus(std::time::Duration::from_secs(600));
    platform.host.runtime.revoke().revoke_session(session, until).await.unwrap();
    assert_eq!(audit.list_records(signed(list(), &admin)).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_knows_the_caller_and_keeps_its_limits() {
    let platform = Platform::start(|_| {}).await;
    let user = Uuid::new_v4();
    let token = platform.token(user, Uuid::new_v4(), &["citizen"]);
    assert_eq!(platform.get("/test/whoami", "").await, (200, " from 127.0.0.1".to_owned()));
    let known = platform.get("/test/whoami", &format!("authorization: Bearer {token}\r\n")).await;
    assert_eq!(known, (200, format!("{user} from 127.0.0.1")));
    let (status, body) = platform.get("/test/whoami", "authorization: Bearer nonsense\r\n").await;
    assert_eq!(status, 401);
    assert!(body.contains("TOKEN_INVALID"), "{body}");
    let (status, body) = platform.get("/test/panic", "").await;
    assert_eq!(status, 500);
    assert!(body.contains("INTERNAL") && !body.contains("on purpose"), "{body}");
    assert_eq!(http(platform.address, "POST", "/test/take", "", "12345").await, (200, "5".to_owned()));
    let large = "x".repeat(10 * 1024 * 1024 + 1);
    assert_eq!(http(platform.address, "POST", "/test/take", "", &large).await.0, 413);
    assert_eq!(platform.get("/nothing", "").await.0, 404);
    let mut refused = 0;
    for _ in 0..60 {
        refused += u32::from(http(platform.address, "POST", "/test/take", "", "1").await.0 == 429);
    }
    assert!(refused > 0, "writes are limited");
    let metrics = platform.get("/metrics", "").await.1;
    assert!(metrics.contains("http_server_request_duration_seconds_bucket"), "{metrics}");
    assert!(metrics.contains("process_memory_usage_bytes"), "{metrics}");
}
