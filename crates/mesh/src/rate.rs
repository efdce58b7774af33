//! How often one caller may call: GCRA, one timestamp per caller and class.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// `arrival` is what the call before left behind.
    pub fn next_arrival(self, arrival: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Duration> {
        self.take(arrival, now, 1)
    }

    /// The same for `hits` calls at once. This is all there is to GCRA; a script in Redis does the same.
    pub fn take(self, arrival: Option<Timestamp>, now: Timestamp, hits: u32) -> Result<Timestamp, Duration> {
        let next = self.begin(arrival, now).plus(self.interval.saturating_mul(hits));
        let wait = next.minus(self.full()).since(now);
        if wait.is_zero() { Ok(next) } else { Err(wait) }
    }

    /// How many calls would be allowed at `now`, and how long until a full burst is again.
    pub fn left(self, arrival: Option<Timestamp>, now: Timestamp) -> (u32, Duration) {
        let reset = self.begin(arrival, now).since(now);
        let free = self.full().saturating_sub(reset).as_micros();
        (u32::try_from(free / self.interval.as_micros().max(1)).unwrap_or(u32::MAX), reset)
    }

    fn full(self) -> Duration {
        self.interval.saturating_mul(self.burst.max(1))
    }

    /// A clock that was set back must not lock anybody out for longer than a full burst.
    fn begin(self, arrival: Option<Timestamp>, now: Timestamp) -> Timestamp {
        arrival.unwrap_or(now).clamp(now, now.plus(self.full()))
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

/// The class of a name.
pub fn class_of(name: &str) -> Option<RateClass> {
    CLASSES.into_iter().find(|class| class_name(*class) == name)
}

/// Every class.
pub const CLASSES: [RateClass; 5] =
    [RateClass::Sensitive, RateClass::Read, RateClass::Write, RateClass::Expensive, RateClass::Stream];

/// The answer to a caller that comes too often.
pub fn limited(class: RateClass, wait: Duration) -> Error {
    Error::new(Kind::ResourceExhausted, "RATE_LIMITED", "too many calls; slow down")
        .with("class", class_name(class))
        .retry_after(wait)
}

/// Something to count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit<'a> {
    /// At which rate.
    pub class: RateClass,
    /// Whose: a caller or an address.
    pub key: &'a str,
    /// How many calls; with none, nothing is counted and nothing refused.
    pub hits: u32,
}

/// What became of a [`Hit`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// How long to wait; zero when it is allowed.
    pub wait: Duration,
    /// How many more calls would be allowed now.
    pub left: u32,
    /// How long until a full burst is again.
    pub reset: Duration,
}

impl Count {
    /// What the rate says; `arrival` is what stands in the books after the decision.
    pub fn of(rate: Rate, wait: Duration, arrival: Timestamp, now: Timestamp) -> Self {
        let (left, reset) = rate.left(Some(arrival), now);
        Self { wait, left, reset }
    }

    /// Whether it is allowed.
    pub fn allowed(&self) -> bool {
        self.wait.is_zero()
    }
}

/// Counts calls.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts all of these, or none when one of them is too many; says what became of each, in their order. UNAVAILABLE
    /// when it cannot be counted and must not pass uncounted: that is each limiter's own decision.
    async fn take(&self, hits: &[Hit<'_>]) -> Result<Vec<Count>, Error>;

    /// Counts one call and refuses it with RESOURCE_EXHAUSTED and a delay when there are too many.
    async fn check(&self, class: RateClass, key: &str) -> Result<(), Error> {
        let counts = self.take(&[Hit { class, key, hits: 1 }]).await?;
        match counts.first() {
            Some(count) if !count.allowed() => Err(limited(class, count.wait)),
            _ => Ok(()),
        }
    }
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
        let Some(shard) = self.shards.get(self.shard_of(class, key)) else { return Ok(()) };
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

    /// Counts all, or none, without waiting for anything.
    pub fn try_take(&self, hits: &[Hit<'_>]) -> Vec<Count> {
        let shards: Vec<usize> = hits.iter().map(|hit| self.shard_of(hit.class, hit.key)).collect();
        let mut held = self.hold(&shards);
        let now = self.clock.now();
        let mut next: HashMap<(usize, &str), Timestamp> = HashMap::with_capacity(hits.len());
        let mut decided = Vec::with_capacity(hits.len());
        for (hit, shard) in hits.iter().zip(&shards) {
            let known = held.iter().find(|(place, _)| place == shard).and_then(|(_, arrivals)| arrivals.get(hit.key));
            // The same caller may be named twice.
            let arrival = next.get(&(*shard, hit.key)).or(known).copied();
            let taken = self.numbers.of(hit.class).take(arrival, now, hit.hits);
            let before = arrival.unwrap_or(now);
            let after = taken.unwrap_or(before);
            next.insert((*shard, hit.key), after);
            decided.push((before, after, taken.err().unwrap_or_default()));
        }
        let refused = decided.iter().any(|(_, _, wait)| !wait.is_zero());
        if !refused {
            for ((shard, key), arrival) in &next {
                let Some((_, arrivals)) = held.iter_mut().find(|(place, _)| place == shard) else { continue };
                if arrivals.len() >= self.callers_max && !arrivals.contains_key(*key) {
                    make_room(arrivals, now);
                }
                arrivals.insert((*key).into(), *arrival);
            }
        }
        let count = |(hit, (before, after, wait)): (&Hit<'_>, &(Timestamp, Timestamp, Duration))| {
            Count::of(self.numbers.of(hit.class), *wait, if refused { *before } else { *after }, now)
        };
        hits.iter().zip(&decided).map(count).collect()
    }

    /// Takes the locks of these shards, always in the same order.
    fn hold(&self, shards: &[usize]) -> Vec<Held<'_>> {
        let mut places = shards.to_vec();
        places.sort_unstable();
        places.dedup();
        let lock = |place: usize| Some((place, self.shards.get(place)?.lock().unwrap_or_else(PoisonError::into_inner)));
        places.into_iter().filter_map(lock).collect()
    }

    fn shard_of(&self, class: RateClass, key: &str) -> usize {
        let class_number = match class {
            RateClass::Read => 0,
            RateClass::Write => 1,
            RateClass::Expensive => 2,
            RateClass::Sensitive => 3,
            RateClass::Stream => 4,
        };
        class_number * SHARDS + usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0)
    }
}

/// A lock held, with its place among the shards.
type Held<'a> = (usize, MutexGuard<'a, HashMap<Box<str>, Timestamp>>);

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
    async fn take(&self, hits: &[Hit<'_>]) -> Result<Vec<Count>, Error> {
        Ok(self.try_take(hits))
    }

    async fn check(&self, class: RateClass, key: &str) -> Result<(), Error> {
        self.try_check(class, key)
    }
}

#[cfg(test)]
mod tests;
