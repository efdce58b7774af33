//! Counts are of the last seconds only.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Counts, Window};

proptest! {
    /// Against the plain way: keep everything and look.
    #[test]
    fn counts_are_those_of_the_window_exact_to_one_bucket(
        steps in prop::collection::vec((0_u64..4_000, any::<bool>()), 1..200),
    ) {
        let began = Instant::now();
        let mut window = Window::<10>::new(Duration::from_secs(10), began);
        let (mut now, mut all) = (began, Vec::new());
        for (millis, good) in steps {
            now += Duration::from_millis(millis);
            window.add(now, 1, u64::from(good));
            all.push((now, good));
            let within = |length: u64| {
                let mut counts = Counts::default();
                for (at, good) in &all {
                    if now.duration_since(*at) < Duration::from_secs(length) {
                        counts.all += 1;
                        counts.good += u64::from(*good);
                    }
                }
                counts
            };
            let (least, counts, most) = (within(9), window.counts(now), within(10));
            prop_assert!(least.all <= counts.all && counts.all <= most.all, "{least:?} {counts:?} {most:?}");
            prop_assert!(least.good <= counts.good && counts.good <= most.good, "{least:?} {counts:?} {most:?}");
        }
    }
}

#[test]
fn a_long_silence_empties_the_window() {
    let began = Instant::now();
    let mut window = Window::<10>::new(Duration::from_secs(10), began);
    window.add(began, 7, 3);
    assert_eq!(window.counts(began + Duration::from_secs(9)), Counts { all: 7, good: 3 });
    assert_eq!(window.counts(began + Duration::from_hours(100)), Counts::default());
}
