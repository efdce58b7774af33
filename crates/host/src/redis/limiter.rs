//! Rate limits that hold over all processes.

mod denials;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fred::types::scripts::Script;
use kvartal_contract::RateClass;
use kvartal_kernel::{Clock, Error, Timestamp};
use kvartal_mesh::rate::{Count, Hit, Limiter, LocalLimiter, RateNumbers, class_name};
use kvartal_store::{Breaker, spread};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use tokio::time::Instant;

use super::{Redis, away};
use denials::Denials;

/// After a failure Redis is left alone for a while, so that calls do not wait for it one by one: bounds of that while.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));

/// Counts calls in Redis, whatever is asked at once in one round trip. A caller that was refused is refused from memory
/// until its time comes. While Redis is away, calls whose guessing would pay are refused; the others are counted within
/// this process.
pub struct RedisLimiter {
    redis: Redis,
    script: Script,
    numbers: RateNumbers,
    local: LocalLimiter,
    denials: Denials,
    breaker: Mutex<Breaker>,
    open: Gauge<i64>,
    fallbacks: Counter<u64>,
    remembered: Counter<u64>,
}

impl RedisLimiter {
    /// With these rates. The clock is for the time without Redis; Redis counts on its own clock.
    pub fn new(redis: Redis, clock: Arc<dyn Clock>, numbers: RateNumbers) -> Self {
        let meter = opentelemetry::global::meter("kvartal.rate");
        let counter = |name, about| meter.u64_counter(name).with_description(about).build();
        Self {
            redis,
            script: Script::from_lua(include_str!("gcra.lua")),
            numbers,
            local: LocalLimiter::new(clock, numbers),
            denials: Denials::new(),
            // The first failure counts: without Redis there is an answer too.
            breaker: Mutex::new(Breaker::new(1, PAUSE.0, PAUSE.1)),
            open: meter
                .i64_gauge("kvartal.rate.breaker.open")
                .with_description("1 while Redis is known to be away and calls are decided without it")
                .build(),
            fallbacks: counter("kvartal.rate.fallbacks", "Calls that were decided without Redis"),
            remembered: counter("kvartal.rate.remembered", "Calls that were refused from memory, without asking Redis"),
        }
    }

    /// Counts in Redis, all or none: what became of each, and the server's time.
    async fn count(&self, hits: &[Hit<'_>]) -> Result<(Vec<Count>, Timestamp), Error> {
        let keys: Vec<String> = hits.iter().map(|hit| book(hit.class, hit.key)).collect();
        let numbers = hits.iter().flat_map(|hit| {
            let rate = self.numbers.of(hit.class);
            let interval = i64::try_from(rate.interval.as_micros()).unwrap_or(i64::MAX);
            [interval, i64::from(rate.burst), i64::from(hit.hits)]
        });
        let numbers: Vec<i64> = numbers.collect();
        let client = self.redis.pool.next();
        let answer: Vec<i64> = self.script.evalsha_with_reload(client, keys, numbers).await.map_err(away)?;
        let now = Timestamp(answer.first().copied().unwrap_or_default());
        let counts: Vec<Count> = hits
            .iter()
            .zip(answer.get(1..).unwrap_or_default().chunks_exact(2))
            .map(|(hit, said)| {
                let wait = Duration::from_micros(u64::try_from(said[0]).unwrap_or(0));
                Count::of(self.numbers.of(hit.class), wait, Timestamp(said[1]), now)
            })
            .collect();
        if counts.len() != hits.len() {
            return Err(Error::unavailable("REDIS_UNAVAILABLE", "Redis answers something else"));
        }
        Ok((counts, now))
    }

    /// The refusal of these, when one of them is known to be refused still.
    fn remembered(&self, hits: &[Hit<'_>], now: Instant) -> Option<Vec<Count>> {
        let wait = |hit: &Hit<'_>| self.denials.wait(hit, self.numbers.of(hit.class), now);
        if hits.iter().all(|hit| wait(hit).is_zero()) {
            return None;
        }
        let count = |hit: &Hit<'_>| {
            let (wait, burst) = (wait(hit), self.numbers.of(hit.class).burst);
            if !wait.is_zero() {
                self.remembered.add(1, &[KeyValue::new("class", class_name(hit.class))]);
            }
            // Of those that are not refused nothing is known without asking.
            Count { wait, left: if wait.is_zero() { burst } else { 0 }, reset: wait }
        };
        Some(hits.iter().map(count).collect())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn without_redis(&self, hits: &[Hit<'_>]) -> Result<Vec<Count>, Error> {
        for hit in hits {
            self.fallbacks.add(1, &[KeyValue::new("class", class_name(hit.class))]);
        }
        if hits.iter().any(|hit| hit.class == RateClass::Sensitive) {
            return Err(Error::unavailable("RATE_UNAVAILABLE", "this cannot be allowed now; try again soon"));
        }
        Ok(self.local.try_take(hits))
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn take(&self, hits: &[Hit<'_>]) -> Result<Vec<Count>, Error> {
        let began = Instant::now();
        if let Some(refused) = self.remembered(hits, began) {
            return Ok(refused);
        }
        if !self.breaker().permit(began.into_std(), spread()) {
            return self.without_redis(hits);
        }
        match self.count(hits).await {
            Ok((counts, _)) => {
                if self.breaker().succeeded() {
                    self.open.record(0, &[]);
                    tracing::info!("rates are counted in Redis again");
                }
                for (hit, count) in hits.iter().zip(&counts).filter(|(_, count)| !count.allowed()) {
                    self.denials.remember(hit, self.numbers.of(hit.class), began, count.wait);
                }
                Ok(counts)
            }
            Err(error) => {
                if self.breaker().failed(Instant::now().into_std(), spread()) {
                    self.open.record(1, &[]);
                    tracing::error!(error = error.chain(), "rates cannot be counted in Redis");
                }
                self.without_redis(hits)
            }
        }
    }
}

/// Where a caller's calls are counted in Redis.
fn book(class: RateClass, key: &str) -> String {
    format!("kvartal:rate:{}:{key}", class_name(class))
}

#[cfg(test)]
mod tests;
