//! Estimates rise at once, sink slowly, and remember failures.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{DECAY, Load, PENALTY, PUSHBACK_MAX};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn a_slow_answer_counts_at_once_and_is_forgotten_little_by_little() {
    let now = Instant::now();
    let mut load = Load::new(MILLISECOND, now);
    load.measured(Duration::from_secs(1), now);
    assert!((load.seconds(now) - 1.0).abs() < 1e-9);
    let later = now + DECAY;
    assert!((load.seconds(later) - 1.0 / std::f64::consts::E).abs() < 1e-6);
    load.measured(MILLISECOND, later + MILLISECOND);
    assert!(load.seconds(later + MILLISECOND) > 0.3, "one fast answer does not undo it");
}

#[test]
fn who_fails_fast_is_dearer_than_who_answers() {
    let now = Instant::now();
    let mut answers = Load::new(MILLISECOND, now);
    answers.measured(Duration::from_millis(50), now);
    let mut fails = Load::new(MILLISECOND, now);
    fails.failed(1.0, now);
    assert!(fails.cost(0, now) > answers.cost(90, now));
    assert!(fails.cost(0, now) < PENALTY.as_secs_f64() + 0.1);
    fails.forgive();
    assert!(fails.cost(0, now) < answers.cost(0, now));
}

#[test]
fn who_fails_seldom_is_avoided_a_little() {
    let now = Instant::now();
    let mut load = Load::new(MILLISECOND, now);
    load.failed(0.001, now);
    assert!(load.seconds(now) < 0.01);
}

proptest! {
    #[test]
    fn a_load_is_positive_and_bounded_and_grows_with_its_calls(
        steps in prop::collection::vec((0_u64..60_000, 0_u64..10_000, 0_u8..3), 1..100),
        pending in 0_usize..1_000,
    ) {
        let mut now = Instant::now();
        let mut load = Load::new(MILLISECOND, now);
        for (pause, took, what) in steps {
            now += Duration::from_millis(pause);
            match what {
                0 => load.measured(Duration::from_millis(took), now),
                1 => load.failed(0.5, now),
                _ => load.penalize(Duration::from_millis(took * 100), now),
            }
            let seconds = load.seconds(now);
            prop_assert!(seconds >= 0.001 && seconds <= 10.0 + PUSHBACK_MAX.as_secs_f64(), "{seconds}");
            prop_assert!(load.cost(pending + 1, now) > load.cost(pending, now));
            prop_assert!(load.seconds(now + DECAY) <= seconds);
        }
    }
}
