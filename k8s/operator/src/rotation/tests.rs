//! Rotations, cut short everywhere.

use std::time::Duration;

use kvartal_kernel::Timestamp;
use proptest::prelude::*;

use super::{Known, Turn, turn};

const HOUR: Duration = Duration::from_secs(3600);

fn users() -> [String; 2] {
    ["news_a".to_owned(), "news_b".to_owned()]
}

fn at(hours: u32) -> Timestamp {
    Timestamp::parse("2026-11-26T00:00:00Z").unwrap().plus(HOUR * hours)
}

fn known() -> Known {
    Known { user: "news_a".to_owned(), since: at(0), previous: None, next: None, handled: None }
}

#[test]
fn nothing_happens_before_its_time() {
    let rest = turn(&known(), &users(), Some(HOUR * 24), HOUR, None, at(23));
    assert_eq!(rest, Turn::Rest(Some(at(24))));
    assert_eq!(turn(&known(), &users(), None, HOUR, None, at(9999)), Turn::Rest(None));
}

#[test]
fn a_request_is_answered_once() {
    let asked = turn(&known(), &users(), None, HOUR, Some("now"), at(1));
    assert_eq!(asked, Turn::Prepare("news_b".to_owned()));
    let answered = Known { handled: Some("now".to_owned()), ..known() };
    assert_eq!(turn(&answered, &users(), None, HOUR, Some("now"), at(1)), Turn::Rest(None));
}

#[test]
fn a_prepared_user_takes_over_without_another_password() {
    let prepared = Known { next: Some("news_b".to_owned()), ..known() };
    assert_eq!(turn(&prepared, &users(), None, HOUR, Some("now"), at(1)), Turn::Switch("news_b".to_owned()));
}

#[test]
fn nobody_is_prepared_while_the_one_before_may_sign_in() {
    let switched = Known { user: "news_b".to_owned(), previous: Some("news_a".to_owned()), ..known() };
    assert_eq!(turn(&switched, &users(), None, HOUR, Some("again"), at(0)), Turn::Rest(Some(at(1))));
    assert_eq!(turn(&switched, &users(), None, HOUR, Some("again"), at(1)), Turn::Retire("news_a".to_owned()));
}

proptest! {
    /// The user that pods may still have is never given another password.
    #[test]
    fn a_user_in_use_keeps_its_password(hours in 0..200_u32, every in 1..48_u32, retire in 0..48_u32, next in any::<bool>(), previous in any::<bool>(), request in any::<bool>()) {
        let state = Known {
            next: next.then(|| "news_a".to_owned()),
            previous: previous.then(|| "news_b".to_owned()),
            ..known()
        };
        let next = turn(&state, &users(), Some(HOUR * every), HOUR * retire, request.then_some("now"), at(hours));
        if let Turn::Prepare(user) = next {
            prop_assert_ne!(&user, &state.user);
            prop_assert_ne!(Some(user), state.previous);
        }
    }
}
