//! Rate limits that hold over all processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fred::types::scripts::Script;
use kvartal_contract::RateClass;
use kvartal_kernel::{Clock, Error, Timestamp};
use kvartal_mesh::rate::{Limiter, LocalLimiter, RateNumbers, class_name, limited};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::time::Instant;

use super::{Redis, away};

/// After a failure Redis is left alone for so long, so that calls do not wait for it one by one.
const PAUSE: Duration = Duration::from_millis(500);

/// Counts calls in Redis. While Redis is away, calls whose guessing would pay are refused; the others are counted within
/// this process.
pub struct RedisLimiter {
    redis: Redis,
    script: Script,
    numbers: RateNumbers,
    local: LocalLimiter,
    born: Instant,
    /// Milliseconds after `born` until which Redis is left alone.
    paused_until_ms: AtomicU64,
    away: AtomicBool,
    fallbacks: Counter<u64>,
}

impl RedisLimiter {
    /// With these rates. The clock is for the time without Redis; Redis counts on its own clock.
    pub fn new(redis: Redis, clock: Arc<dyn Clock>, numbers: RateNumbers) -> Self {
        let fallbacks = opentelemetry::global::meter("kvartal.rate")
            .u64_counter("kvartal.rate.fallbacks")
            .with_description("Calls that were decided without Redis")
            .build();
        Self {
            redis,
            script: Script::from_lua(include_str!("gcra.lua")),
            numbers,
            local: LocalLimiter::new(clock, numbers),
            born: Instant::now(),
            paused_until_ms: AtomicU64::new(0),
            away: AtomicBool::new(false),
            fallbacks,
        }
    }

    /// Counts a call in Redis: the time to wait, if it is one too many, and the server's time.
    async fn count(&self, class: RateClass, key: &str) -> Result<(Result<(), Duration>, Timestamp), Error> {
        let rate = self.numbers.of(class);
        let interval = i64::try_from(rate.interval.as_micros()).unwrap_or(i64::MAX);
        let key = format!("kvartal:rate:{}:{key}", class_name(class));
        let client = self.redis.pool.next();
        let (wait, now): (i64, i64) =
            self.script.evalsha_with_reload(client, key, vec![interval, i64::from(rate.burst)]).await.map_err(away)?;
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
        Ok((if wait.is_zero() { Ok(()) } else { Err(wait) }, Timestamp(now)))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn without_redis(&self, class: RateClass, key: &str) -> Result<(), Error> {
        self.fallbacks.add(1, &[KeyValue::new("class", class_name(class))]);
        match class {
            RateClass::Sensitive => {
                Err(Error::unavailable("RATE_UNAVAILABLE", "this cannot be allowed now; try again soon"))
            }
            _ => self.local.check(class, key).await,
        }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn check(&self, class: RateClass, key: &str) -> Result<(), Error> {
        if self.elapsed_ms() < self.paused_until_ms.load(Ordering::Relaxed) {
            return self.without_redis(class, key).await;
        }
        match self.count(class, key).await {
            Ok((decision, _)) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("rates are counted in Redis again");
                }
                decision.map_err(|wait| limited(class, wait))
            }
            Err(error) => {
                let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(0);
                self.paused_until_ms.store(self.elapsed_ms().saturating_add(pause), Ordering::Relaxed);
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::error!(error = error.chain(), "rates cannot be counted in Redis");
                }
                self.without_redis(class, key).await
            }
        }
    }
}

#[cfg(test)]
mod tests;
