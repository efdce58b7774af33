//! Retries stay a small part of the calls, whatever happens.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Budget, FLOOR, SHARE};

#[test]
fn a_service_on_which_everything_fails_gets_a_handful_of_retries() {
    let now = Instant::now();
    let budget = Budget::new(now);
    let retries = (0..10_000).filter(|_| {
        budget.call(now);
        budget.failed();
        budget.withdraw(now)
    });
    assert_eq!(retries.count(), 4);
}

#[test]
fn successes_give_retries_back() {
    let now = Instant::now();
    let budget = Budget::new(now);
    for _ in 0..10 {
        budget.failed();
    }
    assert!(!budget.withdraw(now));
    for _ in 0..51 {
        budget.call(now);
        budget.succeeded();
    }
    assert!(budget.withdraw(now));
}

#[test]
fn retries_are_at_most_a_tenth_of_the_calls_and_a_few() {
    let mut now = Instant::now();
    let budget = Budget::new(now);
    let mut retries = 0;
    for _ in 0..1_000 {
        now += Duration::from_millis(1);
        budget.call(now);
        budget.succeeded();
        // Everything wants to be retried, although the tokens would allow it.
        retries += u32::from(budget.withdraw(now));
    }
    assert!((100..=105).contains(&retries), "{retries}");
}

proptest! {
    /// In any ten seconds, whatever the mix.
    #[test]
    fn the_share_holds(steps in prop::collection::vec((0_u64..200, any::<bool>(), any::<bool>()), 1..400)) {
        let mut now = Instant::now();
        let budget = Budget::new(now);
        let (mut calls, mut retries) = (Vec::new(), Vec::new());
        for (millis, call, good) in steps {
            now += Duration::from_millis(millis);
            if call {
                budget.call(now);
                calls.push(now);
                if good { budget.succeeded() } else { budget.failed() }
            } else if budget.withdraw(now) {
                retries.push(now);
                let within = |times: &[Instant], seconds| {
                    let recent = times.iter().filter(|at| now.duration_since(**at) < Duration::from_secs(seconds));
                    f64::from(u32::try_from(recent.count()).unwrap())
                };
                prop_assert!(within(&retries, 9) <= within(&calls, 10) * SHARE + FLOOR);
            }
        }
    }
}
