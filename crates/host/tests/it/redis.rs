//! What several processes share through Redis.

use std::sync::Arc;
use std::time::Duration;

use kvartal_contract::RateClass;
use kvartal_host::redis::{Redis, RedisLimiter, RedisRevocations};
use kvartal_kernel::{Clock, Kind, SystemClock, Uuid};
use kvartal_mesh::auth::{Revocations, Revoke};
use kvartal_mesh::rate::{Limiter, RateNumbers};
use kvartal_testing::{RedisServer, eventually, redis};
use tokio_util::sync::CancellationToken;

use crate::platform::{SOON, host, now};

/// A process's list, kept current until it is dropped.
struct Instance {
    list: Arc<RedisRevocations>,
    stop: CancellationToken,
}

impl Instance {
    async fn start(url: &str) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let list = RedisRevocations::start(Redis::connect(url).await.unwrap(), clock).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(list.clone().run(stop.clone()));
        Self { list, stop }
    }

    fn verdict(&self, session: Uuid, user: Uuid, generation: i64) -> Option<Kind> {
        self.list.check(session, user, generation).err().map(|error| error.kind())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_reaches_other_processes_within_a_second() {
    let server = redis().await;
    let (one, two) = (Instance::start(&server.url()).await, Instance::start(&server.url()).await);
    let until = now().plus(Duration::from_secs(600));
    let (session, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert_eq!(two.verdict(session, user, 5), None);
    one.list.revoke_session(session, until).await.unwrap();
    assert_eq!(one.verdict(session, user, 5), Some(Kind::Unauthenticated));
    eventually(Duration::from_secs(1), || async { two.verdict(session, user, 5) == Some(Kind::Unauthenticated) }).await;
    one.list.revoke_before(user, 6, until).await.unwrap();
    let other = Uuid::from_u128(3);
    eventually(Duration::from_secs(1), || async { two.verdict(other, user, 5) == Some(Kind::Unauthenticated) }).await;
    assert_eq!(two.verdict(other, user, 6), None);
    // A process that starts later knows it at once.
    let three = Instance::start(&server.url()).await;
    assert_eq!(three.verdict(session, user, 9), Some(Kind::Unauthenticated));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nobody_is_let_in_and_what_it_forgot_is_put_back() {
    let mut server = RedisServer::start().await;
    let instance = Instance::start(&server.url()).await;
    let until = now().plus(Duration::from_secs(600));
    let (session, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
    instance.list.revoke_session(session, until).await.unwrap();
    server.kill();
    // What is known stays revoked; what is not known becomes uncertain after ten seconds.
    let late = Uuid::from_u128(9);
    let unheard = instance.list.revoke_session(late, until).await.unwrap_err();
    assert_eq!(unheard.kind(), Kind::Unavailable);
    eventually(SOON, || async { instance.verdict(Uuid::from_u128(4), user, 1) == Some(Kind::Unavailable) }).await;
    assert_eq!(instance.verdict(session, user, 1), Some(Kind::Unauthenticated));
    assert_eq!(instance.verdict(late, user, 1), Some(Kind::Unauthenticated));
    server.restart().await;
    eventually(SOON, || async { instance.verdict(Uuid::from_u128(4), user, 1).is_none() }).await;
    // The server came back empty; another process still learns of both.
    let other = Instance::start(&server.url()).await;
    for revoked in [session, late] {
        eventually(SOON, || async { other.verdict(revoked, user, 1) == Some(Kind::Unauthenticated) }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_over_processes_and_without_redis_guessing_is_refused() {
    let mut server = RedisServer::start().await;
    let limiter = || async {
        let redis = Redis::connect(&server.url()).await.unwrap();
        RedisLimiter::new(redis, Arc::new(SystemClock), RateNumbers::default())
    };
    let (one, two) = (limiter().await, limiter().await);
    let mut allowed = 0;
    for call in 0..30 {
        let limiter = if call % 2 == 0 { &one } else { &two };
        match limiter.check(RateClass::Sensitive, "net:203.0.113.7").await {
            Ok(()) => allowed += 1,
            Err(error) => {
                assert_eq!(error.kind(), Kind::ResourceExhausted);
                assert!(error.retry_delay().unwrap() <= Duration::from_secs(6));
            }
        }
    }
    assert_eq!(allowed, 20);
    server.kill();
    let refused = one.check(RateClass::Sensitive, "net:203.0.113.8").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    for _ in 0..30 {
        one.check(RateClass::Write, "net:203.0.113.8").await.unwrap();
    }
    assert_eq!(one.check(RateClass::Write, "net:203.0.113.8").await.unwrap_err().kind(), Kind::ResourceExhausted);
    server.restart().await;
    eventually(SOON, || async { one.check(RateClass::Sensitive, "net:203.0.113.9").await }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_with_redis_revokes_through_it() {
    let server = redis().await;
    let url = server.url();
    let first = host(|config| config.redis_url = Some(url.clone())).await;
    let instance = Instance::start(&url).await;
    let until = now().plus(Duration::from_secs(60));
    first.runtime.revoke().revoke_session(Uuid::from_u128(5), until).await.unwrap();
    let user = Uuid::from_u128(6);
    eventually(Duration::from_secs(1), || async { instance.verdict(Uuid::from_u128(5), user, 1).is_some() }).await;
    assert!(first.runtime.shutdown().await.clean());
}
