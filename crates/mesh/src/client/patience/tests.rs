//! What is usual is learnt from answers.

use std::time::Duration;

use super::{FIRST, Patience, SHORTEST};

fn after(times: u32, took: Duration) -> Duration {
    let patience = Patience::default();
    (0..times).for_each(|_| patience.answered(took));
    patience.limit()
}

#[test]
fn fast_methods_get_the_shortest_time_and_unknown_ones_the_first() {
    assert_eq!(Patience::default().limit(), FIRST);
    assert_eq!(after(50, Duration::from_millis(2)), SHORTEST);
}

#[test]
fn slow_methods_are_given_more_than_they_take() {
    for millis in [200, 1_000, 20_000] {
        let took = Duration::from_millis(millis);
        assert!(after(1, took) > took * 2 && after(100, took) >= took * 2 - Duration::from_millis(1), "{millis}");
    }
}

#[test]
fn a_method_that_becomes_slow_is_given_more_after_a_few_answers() {
    let patience = Patience::default();
    (0..100).for_each(|_| patience.answered(Duration::from_millis(2)));
    (0..3).for_each(|_| patience.answered(Duration::from_secs(1)));
    assert!(patience.limit() > Duration::from_secs(2), "{:?}", patience.limit());
}
