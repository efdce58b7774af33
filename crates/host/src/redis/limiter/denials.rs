//! Who is refused, and until when: remembered, so that a flood costs Redis nothing.

use std::time::Duration;

use kvartal_mesh::rate::{Hit, Rate};
use moka::sync::Cache;
use tokio::time::Instant;

/// Most callers that are remembered.
const CALLERS_MAX: u64 = 100_000;
/// Longer than any caller is refused: one call becomes free after one interval at the latest.
const KEPT: Duration = Duration::from_secs(60);

/// The refused callers of this process.
///
/// A refusal is remembered from before Redis was asked, so that a caller is never refused from memory at a moment at which
/// Redis would let it in. The one exception: a Redis that lost its memory would let everybody in.
pub(super) struct Denials {
    /// When one more call of a caller is allowed.
    until: Cache<String, Instant>,
}

impl Denials {
    pub(super) fn new() -> Self {
        Self { until: Cache::builder().max_capacity(CALLERS_MAX).time_to_live(KEPT).build() }
    }

    /// Redis, asked at `asked`, said to wait for so long.
    pub(super) fn remember(&self, hit: &Hit<'_>, rate: Rate, asked: Instant, wait: Duration) {
        // Fewer calls at once would be let in earlier.
        let one = wait.saturating_sub(rate.interval.saturating_mul(hit.hits.saturating_sub(1)));
        if !one.is_zero() {
            self.until.insert(super::book(hit.class, hit.key), asked + one);
        }
    }

    /// How long this is refused still; zero when nothing is known against it.
    pub(super) fn wait(&self, hit: &Hit<'_>, rate: Rate, now: Instant) -> Duration {
        if hit.hits == 0 {
            return Duration::ZERO;
        }
        let until = self.until.get(&super::book(hit.class, hit.key));
        let one = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if one.is_zero() { one } else { one + rate.interval.saturating_mul(hit.hits - 1) }
    }
}

#[cfg(test)]
mod tests {
    //! Memory against the books it is made from.

    use kvartal_contract::RateClass;
    use kvartal_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A caller comes at random times, with random numbers of calls, over a network that takes its time; another process
        /// counts the same caller now and then.
        #[test]
        fn nobody_is_refused_from_memory_whom_the_books_would_let_in(
            interval_us in 1_000_u64..2_000_000,
            burst in 1_u32..10,
            steps in prop::collection::vec((0_u64..1_500_000, 1_u32..4, 0_u64..50_000, any::<bool>()), 1..200),
        ) {
            let rate = Rate { interval: Duration::from_micros(interval_us), burst };
            let (denials, start) = (Denials::new(), Instant::now());
            let (mut now, mut arrival) = (0_u64, None);
            for (gap, hits, travel, elsewhere) in steps {
                now += gap;
                let hit = Hit { class: RateClass::Read, key: "a", hits };
                let here = start + Duration::from_micros(now);
                if !elsewhere && !denials.wait(&hit, rate, here).is_zero() {
                    // Even at once, and even more so when the question had arrived later.
                    prop_assert!(rate.take(arrival, Timestamp(i64::try_from(now).unwrap()), hits).is_err());
                    continue;
                }
                let there = Timestamp(i64::try_from(now + travel).unwrap());
                match rate.take(arrival, there, hits) {
                    Ok(next) => arrival = Some(next),
                    Err(wait) if !elsewhere => denials.remember(&hit, rate, here, wait),
                    Err(_) => {}
                }
                now += travel;
            }
        }
    }

    #[test]
    fn who_was_refused_is_refused_from_memory_until_its_time_comes() {
        let (denials, start) = (Denials::new(), Instant::now());
        let rate = Rate { interval: Duration::from_secs(6), burst: 2 };
        let hit = |hits| Hit { class: RateClass::Sensitive, key: "a", hits };
        denials.remember(&hit(2), rate, start, Duration::from_secs(10));
        assert_eq!(denials.wait(&hit(1), rate, start), Duration::from_secs(4));
        assert_eq!(denials.wait(&hit(2), rate, start + Duration::from_secs(1)), Duration::from_secs(9));
        assert_eq!(denials.wait(&hit(1), rate, start + Duration::from_secs(4)), Duration::ZERO);
        assert_eq!(denials.wait(&hit(0), rate, start), Duration::ZERO);
        let other = Hit { key: "b", ..hit(1) };
        assert_eq!(denials.wait(&other, rate, start), Duration::ZERO);
    }
}
