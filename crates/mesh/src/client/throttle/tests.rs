//! What would be refused over there is held back here, the least critical first.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{REFUSALS_MIN, SHARE_MAX, Throttle, share};
use crate::Criticality;

/// Calls one after the other that are all refused, over there or here; how many were sent.
fn refused(throttle: &Throttle, criticality: Criticality, calls: u32, now: Instant) -> u64 {
    let mut sent = 0;
    for _ in 0..calls {
        if throttle.admits(criticality, now, 0.5) {
            throttle.ended(criticality, true, now);
            sent += 1;
        }
    }
    sent
}

#[test]
fn as_long_as_half_is_accepted_nothing_is_held_back() {
    let now = Instant::now();
    let throttle = Throttle::new(now);
    for call in 0..1_000 {
        assert!(throttle.admits(Criticality::Critical, now, 0.0), "call {call}");
        throttle.ended(Criticality::Critical, call % 2 == 1, now);
    }
}

#[test]
fn a_service_that_refuses_everything_is_soon_called_less() {
    let now = Instant::now();
    assert_eq!(refused(&Throttle::new(now), Criticality::Critical, 1_000, now), REFUSALS_MIN);
}

#[test]
fn a_burst_is_no_reason_but_what_is_on_its_way_counts_once_there_is_one() {
    let now = Instant::now();
    let throttle = Throttle::new(now);
    assert!((0..1_000).all(|_| throttle.admits(Criticality::Critical, now, 0.0)));
    for _ in 0..REFUSALS_MIN {
        throttle.ended(Criticality::Critical, true, now);
    }
    assert!(!throttle.admits(Criticality::Critical, now, 0.5));
}

#[test]
fn classes_are_throttled_apart() {
    let now = Instant::now();
    let throttle = Throttle::new(now);
    refused(&throttle, Criticality::Sheddable, 1_000, now);
    assert!(!throttle.admits(Criticality::Sheddable, now, 0.5));
    assert!(throttle.admits(Criticality::Critical, now, 0.0));
}

#[test]
fn what_was_refused_long_ago_is_forgotten() {
    let now = Instant::now();
    let throttle = Throttle::new(now);
    refused(&throttle, Criticality::Critical, 1_000, now);
    assert!(throttle.admits(Criticality::Critical, now + Duration::from_secs(121), 0.0));
}

proptest! {
    #[test]
    fn the_share_is_that_of_the_book(requests in 0_u32..1_000_000, accepted in 0.0..1.0_f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0..requests")]
        let accepts = (f64::from(requests) * accepted) as u64;
        let share = share(u64::from(requests), accepts);
        prop_assert!((0.0..=SHARE_MAX).contains(&share));
        if accepts * 2 >= u64::from(requests) {
            prop_assert!(share <= 0.0);
        }
        prop_assert!(share <= super::share(u64::from(requests) + 1, accepts) + 1e-12, "more refused, more throttled");
        prop_assert!(share + 1e-12 >= super::share(u64::from(requests), accepts + 1), "more accepted, less throttled");
    }
}
