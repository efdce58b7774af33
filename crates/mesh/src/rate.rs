//! How often one caller may call: GCRA, one timestamp per caller and class.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kvartal_contract::RateClass;
use kvartal_kernel::{Clock, Error, Kind, Timestamp};

/// A rate: one call each `interval` in the long run, and up to `burst` at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Time that one call costs.
    pub interval: Duration,
    /// Most calls at once.
    pub burst: u32,
}

impl Rate {
    /// 10 a minute, 20 at once: guessing would pay.
    pub const SENSITIVE: Self = Self { interval: Duration::from_secs(6), burst: 20 };
    /// 50 a second, 100 at once.
    pub const READ: Self = Self { interval: Duration::from_millis(20), burst: 100 };
    /// 10 a second, 30 at once.
    pub const WRITE: Self = Self { interval: Duration::from_millis(100), burst: 30 };
    /// 1 a second, 10 at once.
    pub const EXPENSIVE: Self = Self { interval: Duration::from_secs(1), burst: 10 };
    /// 1 opened stream a second, 20 at once.
    pub const STREAM: Self = Self { interval: Duration::from_secs(1), burst: 20 };

    /// The next "theoretical arrival time" when a call at `now` is allowed, else how long to wait. All in microseconds;
    /// `arrival` is what the call before left behind. This is all there is to GCRA; a script in Redis does the same.
    pub fn next_arrival(self, arrival: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Duration> {
        let tolerance = self.interval.saturating_mul(self.burst.saturating_sub(1));
        // A clock that was set back must not lock anybody out for longer than a full burst.
        let latest = now.plus(self.interval.saturating_mul(self.burst));
        let arrival = arrival.unwrap_or(now).clamp(now, latest);
        let wait = arrival.minus(tolerance).since(now);
        if wait.is_zero() { Ok(arrival.plus(self.interval)) } else { Err(wait) }
    }
}

/// The rate of each class. The defaults are the constants of [`Rate`]; tests and benchmarks may raise them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateNumbers {
    /// Of [`RateClass::Sensitive`].
    pub sensitive: Rate,
    /// Of [`RateClass::Read`].
    pub read: Rate,
    /// Of [`RateClass::Write`].
    pub write: Rate,
    /// Of [`RateClass::Expensive`].
    pub expensive: Rate,
    /// Of [`RateClass::Stream`].
    pub stream: Rate,
}

impl Default for RateNumbers {
    fn default() -> Self {
        Self {
            sensitive: Rate::SENSITIVE,
            read: Rate::READ,
            write: Rate::WRITE,
            expensive: Rate::EXPENSIVE,
            stream: Rate::STREAM,
        }
    }
}

impl RateNumbers {
    /// The rate of a class.
    pub fn of(&self, class: RateClass) -> Rate {
        match class {
            RateClass::Sensitive => self.sensitive,
            RateClass::Read => self.read,
            RateClass::Write => self.write,
            RateClass::Expensive => self.expensive,
            RateClass::Stream => self.stream,
        }
    }

    /// Everything `factor` times as often.
    pub fn times(self, factor: u32) -> Self {
        let raise = |rate: Rate| Rate {
            interval: (rate.interval / factor.max(1)).max(Duration::from_micros(1)),
            burst: rate.burst.saturating_mul(factor.max(1)),
        };
        Self {
            sensitive: raise(self.sensitive),
            read: raise(self.read),
            write: raise(self.write),
            expensive: raise(self.expensive),
            stream: raise(self.stream),
        }
    }
}

/// The name of a class, for keys and metrics.
pub fn class_name(class: RateClass) -> &'static str {
    match class {
        RateClass::Sensitive => "sensitive",
        RateClass::Read => "read",
        RateClass::Write => "write",
        RateClass::Expensive => "expensive",
        RateClass::Stream => "stream",
    }
}

/// The answer to a caller that comes too often.
pub fn limited(class: RateClass, wait: Duration) -> Error {
    Error::new(Kind::ResourceExhausted, "RATE_LIMITED", "too many calls; slow down")
        .with("class", class_name(class))
        .retry_after(wait)
}

/// Counts calls.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts a call of `key` (a caller or an address) and refuses it with RESOURCE_EXHAUSTED and a delay when there are too
    /// many. Whether a limiter that cannot count lets calls pass is its own decision.
    async fn check(&self, class: RateClass, key: &str) -> Result<(), Error>;
}

/// Most callers that are remembered in each class.
const CALLERS_MAX: usize = 100_000;
/// Locks per class; a power of two.
const SHARDS: usize = 16;

/// Counts within one process. Memory is bounded: when it is full, the callers nearest to a full burst are forgotten.
pub struct LocalLimiter {
    clock: Arc<dyn Clock>,
    numbers: RateNumbers,
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<Box<str>, Timestamp>>>,
    callers_max: usize,
}

impl LocalLimiter {
    /// With these rates.
    pub fn new(clock: Arc<dyn Clock>, numbers: RateNumbers) -> Self {
        Self::bounded(clock, numbers, CALLERS_MAX)
    }

    fn bounded(clock: Arc<dyn Clock>, numbers: RateNumbers, callers_max: usize) -> Self {
        let shards = (0..SHARDS * 5).map(|_| Mutex::default()).collect();
        Self { clock, numbers, hasher: RandomState::new(), shards, callers_max: (callers_max / SHARDS).max(1) }
    }

    /// Counts a call, without waiting for anything.
    pub fn try_check(&self, class: RateClass, key: &str) -> Result<(), Error> {
        let class_number = match class {
            RateClass::Read => 0,
            RateClass::Write => 1,
            RateClass::Expensive => 2,
            RateClass::Sensitive => 3,
            RateClass::Stream => 4,
        };
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let Some(shard) = self.shards.get(class_number * SHARDS + shard) else { return Ok(()) };
        let now = self.clock.now();
        let rate = self.numbers.of(class);
        let mut arrivals = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arrival) = arrivals.get_mut(key) {
            *arrival = rate.next_arrival(Some(*arrival), now).map_err(|wait| limited(class, wait))?;
            return Ok(());
        }
        if arrivals.len() >= self.callers_max {
            make_room(&mut arrivals, now);
        }
        let arrival = rate.next_arrival(None, now).map_err(|wait| limited(class, wait))?;
        arrivals.insert(key.into(), arrival);
        Ok(())
    }
}

/// Forgets callers whose burst is full again, which changes nothing; if that was nobody, the half that is nearest to it.
fn make_room(arrivals: &mut HashMap<Box<str>, Timestamp>, now: Timestamp) {
    let before = arrivals.len();
    arrivals.retain(|_, arrival| *arrival > now);
    if arrivals.len() < before {
        return;
    }
    let mut times: Vec<_> = arrivals.values().copied().collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    arrivals.retain(|_, arrival| *arrival > median);
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn check(&self, class: RateClass, key: &str) -> Result<(), Error> {
        self.try_check(class, key)
    }
}

#[cfg(test)]
mod tests;
