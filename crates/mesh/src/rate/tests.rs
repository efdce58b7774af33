//! GCRA against a token bucket.

use std::sync::Arc;
use std::time::Duration;

use kvartal_contract::RateClass;
use kvartal_kernel::{Kind, ManualClock, Timestamp};
use proptest::prelude::*;

use super::{LocalLimiter, Rate, RateNumbers};

/// The model: a bucket of time, filled by the clock, emptied by calls.
struct Bucket {
    rate: Rate,
    level: Duration,
    filled_at: Timestamp,
}

impl Bucket {
    fn call(&mut self, now: Timestamp) -> Result<(), Duration> {
        let full = self.rate.interval * self.rate.burst;
        self.level = (self.level + now.since(self.filled_at)).min(full);
        self.filled_at = now;
        match self.level.checked_sub(self.rate.interval) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            None => Err(self.rate.interval - self.level),
        }
    }
}

proptest! {
    #[test]
    fn it_decides_as_a_token_bucket_does(
        interval_us in 1_u64..2_000_000,
        burst in 1_u32..50,
        gaps in prop::collection::vec(prop_oneof![Just(0_u64), 0_u64..10_000, 0_u64..3_000_000], 1..300),
    ) {
        let rate = Rate { interval: Duration::from_micros(interval_us), burst };
        let mut bucket = Bucket { rate, level: rate.interval * burst, filled_at: Timestamp(0) };
        let (mut now, mut arrival) = (Timestamp(0), None);
        for gap in gaps {
            now = now.plus(Duration::from_micros(gap));
            let ours = rate.next_arrival(arrival, now);
            if let Ok(next) = ours {
                arrival = Some(next);
            }
            prop_assert_eq!(ours.map(|_| ()), bucket.call(now));
        }
    }

    #[test]
    fn a_refused_caller_that_waits_as_told_is_let_in(burst in 1_u32..20, calls in 1_usize..60) {
        let rate = Rate { interval: Duration::from_millis(7), burst };
        let (now, mut arrival) = (Timestamp(1_000_000), None);
        for _ in 0..calls {
            match rate.next_arrival(arrival, now) {
                Ok(next) => arrival = Some(next),
                Err(wait) => {
                    prop_assert!(rate.next_arrival(arrival, now.plus(wait)).is_ok());
                    prop_assert!(rate.next_arrival(arrival, now.plus(wait - Duration::from_micros(1))).is_err());
                }
            }
        }
    }
}

fn limiter(callers_max: usize) -> (Arc<ManualClock>, LocalLimiter) {
    let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000)));
    (clock.clone(), LocalLimiter::bounded(clock, RateNumbers::default(), callers_max))
}

#[test]
fn callers_and_classes_are_counted_apart() {
    let (clock, limiter) = limiter(1_000);
    for _ in 0..20 {
        limiter.try_check(RateClass::Sensitive, "a").unwrap();
    }
    let refused = limiter.try_check(RateClass::Sensitive, "a").unwrap_err();
    assert_eq!((refused.kind(), refused.retry_delay()), (Kind::ResourceExhausted, Some(Duration::from_secs(6))));
    assert!(limiter.try_check(RateClass::Sensitive, "b").is_ok());
    assert!(limiter.try_check(RateClass::Read, "a").is_ok());
    clock.advance(Duration::from_secs(6));
    assert!(limiter.try_check(RateClass::Sensitive, "a").is_ok());
    assert!(limiter.try_check(RateClass::Sensitive, "a").is_err());
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out() {
    let late = Timestamp(3_600_000_000);
    let wait = Rate::SENSITIVE.next_arrival(Some(late), Timestamp(0)).unwrap_err();
    assert_eq!(wait, Rate::SENSITIVE.interval);
}

#[test]
fn memory_is_bounded_and_heavy_callers_are_remembered_longest() {
    let (_, limiter) = limiter(1_600);
    for _ in 0..20 {
        limiter.try_check(RateClass::Sensitive, "heavy").unwrap();
    }
    for n in 0..20_000 {
        limiter.try_check(RateClass::Sensitive, &format!("address {n}")).unwrap();
    }
    let remembered: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
    assert!(remembered <= 1_600, "{remembered}");
    assert!(limiter.try_check(RateClass::Sensitive, "heavy").is_err());
}

#[test]
fn rates_can_be_raised() {
    let raised = RateNumbers::default().times(1_000_000_000);
    assert_eq!(raised.read.interval, Duration::from_micros(1));
    assert_eq!(RateNumbers::default().times(2).write, Rate { interval: Duration::from_millis(50), burst: 60 });
}

proptest! {
    #[test]
    fn no_schedule_gets_more_than_a_burst_and_what_the_time_brings(
        interval_us in 1_u64..1_000_000,
        burst in 1_u32..30,
        schedule in prop::collection::vec((0_u64..2_000_000, 0_u32..5), 1..300),
    ) {
        let rate = Rate { interval: Duration::from_micros(interval_us), burst };
        let (mut now, mut arrival) = (Timestamp(0), None);
        let mut granted: Vec<(Timestamp, u32)> = Vec::new();
        for (gap, hits) in schedule {
            now = now.plus(Duration::from_micros(gap));
            if let Ok(next) = rate.take(arrival, now, hits) {
                arrival = Some(next);
                granted.push((now, hits));
            }
            let (left, _) = rate.left(arrival, now);
            prop_assert!(rate.take(arrival, now, left).is_ok());
            prop_assert!(rate.take(arrival, now, left + 1).is_err());
        }
        // Over every span of time, not only from the beginning.
        for first in 0..granted.len() {
            let mut calls = 0_u128;
            for (at, hits) in &granted[first..] {
                calls += u128::from(*hits);
                let brought = at.since(granted[first].0).as_micros() / u128::from(interval_us);
                prop_assert!(calls <= u128::from(burst) + brought, "{calls} calls from {:?} to {at:?}", granted[first].0);
            }
        }
    }
}
