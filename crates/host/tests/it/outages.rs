//! Servers that hang, die, come late or refuse.

use std::time::Duration;

use kvartal_host::Runtime;
use kvartal_kernel::{Kind, Uuid};
use kvartal_proto::audit::v1::VerifyChainRequest;
use kvartal_testing::{PostgresServer, RabbitServer, RedisServer, eventually};
use tokio::time::Instant;
use tonic::{Code, Request};

use crate::platform::{Platform, config, host};

/// How long a server may take to be noticed: two answers that do not come, with some reserve for a busy machine.
const NOTICED: Duration = Duration::from_secs(10);
/// How soon everything must work again by itself.
const RECOVERED: Duration = Duration::from_secs(5);

/// A call that reads and writes the database: its audit record goes there.
async fn call(platform: &Platform) -> (Code, Duration) {
    let token = platform.token(Uuid::new_v4(), Uuid::new_v4(), &["admin"]);
    platform.gate.open.notify_one();
    let mut request = Request::new(VerifyChainRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut audit = platform.audit().await;
    let began = Instant::now();
    let code = audit.verify_chain(request).await.err().map_or(Code::Ok, |status| status.code());
    (code, began.elapsed())
}

async fn ready(platform: &Platform) -> bool {
    platform.get("/healthz", "").await.0 == 200
}

/// The outage has begun: calls end in time, soon at once; the process says that it is not ready.
async fn suffers(platform: &Platform, what: &str) {
    let began = Instant::now();
    let mut at_once = 0;
    // A connection that breaks fails at once too, long before the server is known to be away: so several in a row.
    while at_once < 10 {
        let (code, took) = call(platform).await;
        assert_ne!(code, Code::Ok, "{what}");
        // The record of an audited call may take five seconds.
        assert!(took < Duration::from_secs(6), "{what}: {code:?} after {took:?}");
        at_once = if code == Code::Unavailable && took < Duration::from_millis(500) { at_once + 1 } else { 0 };
        assert!(began.elapsed() < NOTICED, "{what}: still {code:?} after {took:?}");
    }
    println!("{what}: calls fail at once after {:?}", began.elapsed());
    for _ in 0..20 {
        let (code, took) = call(platform).await;
        assert_eq!(code, Code::Unavailable, "{what}");
        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
    }
    eventually(NOTICED, || async { !ready(platform).await }).await;
}

/// The outage is over.
async fn recovers(platform: &Platform, what: &str) {
    let began = Instant::now();
    eventually(RECOVERED, || async { call(platform).await.0 == Code::Ok }).await;
    println!("{what}: calls succeed again after {:?}", began.elapsed());
    for _ in 0..20 {
        assert_eq!(call(platform).await.0, Code::Ok, "{what}: no connection of before is used");
    }
    eventually(RECOVERED, || ready(platform)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_at_once_while_postgresql_is_away_and_work_again_by_themselves() {
    let mut server = PostgresServer::start().await;
    let database = server.database().await;
    let url = database.url_for_schema("{service}");
    let platform = Platform::start(|config| {
        config.database_url = Some(url);
        config.rate_factor = 1_000;
    })
    .await;
    assert_eq!(call(&platform).await.0, Code::Ok);

    server.pause();
    suffers(&platform, "PostgreSQL hangs").await;
    server.resume();
    recovers(&platform, "PostgreSQL hangs").await;

    server.kill();
    suffers(&platform, "PostgreSQL is killed").await;
    server.restart().await;
    recovers(&platform, "PostgreSQL is killed").await;
    let metrics = platform.get("/metrics", "").await.1;
    assert!(metrics.contains("kvartal_store_breaker_open"), "{metrics}");
    assert!(platform.host.runtime.shutdown().await.clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_hangs_guessing_is_refused_and_other_calls_are_not_held_up() {
    use kvartal_contract::RateClass::{Read, Sensitive};
    let server = RedisServer::start().await;
    let url = server.url();
    let host = host(|config| config.redis_url = Some(url)).await;
    let limiter = host.runtime.limiter();
    limiter.check(Sensitive, "a").await.unwrap();
    server.pause();
    let mut slow = 0;
    for _ in 0..50 {
        let began = Instant::now();
        limiter.check(Read, "a").await.unwrap();
        assert_eq!(limiter.check(Sensitive, "a").await.unwrap_err().kind(), Kind::Unavailable);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        slow += u32::from(took > Duration::from_millis(100));
    }
    assert!(slow <= 3, "one call in each pause waits for Redis, not all of them: {slow}");
    server.resume();
    let began = Instant::now();
    eventually(RECOVERED, || limiter.check(Sensitive, "b")).await;
    println!("Redis hangs: counted there again after {:?}", began.elapsed());
    assert!(host.runtime.shutdown().await.clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_late_is_waited_for() {
    let mut server = PostgresServer::start().await;
    let database = server.database().await;
    server.kill();
    let url = database.url_for_schema("{service}");
    let host = host(|config| config.database_url = Some(url)).await;
    let runtime = host.runtime.clone();
    let opening = tokio::spawn(async move { runtime.store("audit", Vec::new()).await });
    server.restart().await;
    let store = tokio::time::timeout(Duration::from_secs(20), opening).await.unwrap().unwrap().unwrap();
    store.ping().await.unwrap();
    assert!(host.runtime.shutdown().await.clean());
}

/// Starts with what cannot work; the error, and how long it took.
async fn refused(change: impl FnOnce(&mut kvartal_host::Config)) -> (String, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    change(&mut config);
    let began = Instant::now();
    let error = match Runtime::start(config).await {
        Err(error) => error,
        Ok(runtime) => runtime.store("audit", Vec::new()).await.err().expect("it cannot work"),
    };
    (format!("{error:#}"), began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waiting_does_not_help_against_fails_at_once() {
    let (postgres, rabbit) = tokio::join!(PostgresServer::start(), RabbitServer::start());
    let nobody = postgres.url().replace("kvartal@", "nobody@");
    let (error, took) = refused(|config| config.database_url = Some(nobody)).await;
    assert!(took < Duration::from_secs(10) && error.contains("audit"), "{error} after {took:?}");
    for wrong in [rabbit.url().replace("guest:guest", "guest:wrong"), format!("{}/nowhere", rabbit.url())] {
        let (error, took) = refused(|config| config.bus_url = Some(wrong)).await;
        assert!(took < Duration::from_secs(20) && error.contains("--bus-url"), "{error} after {took:?}");
        assert!(!error.contains("wrong@"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_comes_is_given_up_with_the_name_of_the_option() {
    let port = kvartal_testing::free_port();
    let (error, took) = refused(|config| {
        config.redis_url = Some(format!("redis://127.0.0.1:{port}"));
        config.wait_for_servers = Duration::from_secs(1);
    })
    .await;
    assert!(error.contains("--redis-url") && error.contains("--wait-for-servers"), "{error}");
    assert!((1..8).contains(&took.as_secs()), "{took:?}");
}
