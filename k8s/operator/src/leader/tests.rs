//! Who works, and who waits.

use std::time::Duration;

use kvartal_kernel::Timestamp;

use super::{GIVE_UP, HOLDS, Held, RENEW, Verdict, evaluate};

fn held(holder: &str) -> Held {
    Held { holder: holder.to_owned(), renewed: Timestamp(0), holds: HOLDS }
}

#[test]
fn a_lease_is_taken_when_it_is_free_or_nobody_has_renewed_it_for_its_time() {
    let second = Duration::from_secs(1);
    let begin = Timestamp(1_000_000_000);
    let verdict = |lease: Option<&Held>, after| evaluate(lease, "me", begin, begin.plus(after));
    assert_eq!(verdict(None, second), Verdict::Acquire);
    assert_eq!(verdict(Some(&held("")), second), Verdict::Acquire);
    assert_eq!(verdict(Some(&held("me")), HOLDS * 9), Verdict::Renew);
    assert_eq!(verdict(Some(&held("you")), HOLDS - second), Verdict::Yield);
    assert_eq!(verdict(Some(&held("you")), HOLDS), Verdict::Acquire);
}

#[test]
fn who_cannot_renew_stops_before_another_begins() {
    const { assert!(GIVE_UP.as_secs() + RENEW.as_secs() < HOLDS.as_secs()) }
}
