//! Which answers are slow, and when they are too many.

use std::time::Duration;

use kvartal_contract::Method;
use proptest::prelude::*;
use tokio::time::Instant;

use super::{Answer, Beside, Pace, SLOW_ANSWERS, SLOW_EXCESS, SLOW_PAUSE};

const MILLISECOND: Duration = Duration::from_millis(1);

fn method(number: usize) -> &'static Method {
    kvartal_proto::contract().methods().nth(number).unwrap()
}

fn answer(sent: Instant, took: Duration) -> Answer {
    Answer { method: method(0), sent, took }
}

/// Of an endpoint that has answered often, the last time to a call sent then.
fn paced(sent: Instant, took: Duration) -> Pace {
    let mut pace = Pace::default();
    (0..50).for_each(|_| pace.answered(&answer(sent, took)));
    pace
}

#[test]
fn an_answer_is_slow_beside_many_that_took_a_fifth() {
    let now = Instant::now();
    let other = paced(now, 20 * MILLISECOND);
    assert_eq!(other.beside(&answer(now, 200 * MILLISECOND)), Beside::Slow);
    assert_eq!(other.beside(&answer(now, 99 * MILLISECOND)), Beside::Usual);
    assert_eq!(other.beside(&answer(now, 2 * MILLISECOND)), Beside::Usual);
}

#[test]
fn a_small_difference_says_nothing_however_many_times_it_is() {
    let now = Instant::now();
    let other = paced(now, MILLISECOND);
    assert_eq!(other.beside(&answer(now, 10 * MILLISECOND)), Beside::Unknown);
    assert_eq!(other.beside(&answer(now, 2 * MILLISECOND + SLOW_EXCESS)), Beside::Slow);
}

#[test]
fn only_calls_that_were_sent_no_sooner_show_that_it_is_slow() {
    let now = Instant::now();
    let other = paced(now, 20 * MILLISECOND);
    let later = answer(now + MILLISECOND, 200 * MILLISECOND);
    assert_eq!(other.beside(&later), Beside::Unknown, "perhaps all have become slow since");
}

#[test]
fn methods_are_not_compared_with_each_other() {
    let now = Instant::now();
    let other = paced(now, 20 * MILLISECOND);
    let heavy = Answer { method: method(1), sent: now, took: Duration::from_secs(2) };
    assert_eq!(other.beside(&heavy), Beside::Unknown);
}

#[test]
fn a_method_that_is_slow_now_and_then_raises_the_mean() {
    let now = Instant::now();
    let mut other = Pace::default();
    for number in 0..200 {
        let took = if number % 3 == 0 { 200 } else { 1 };
        other.answered(&answer(now, took * MILLISECOND));
    }
    assert_eq!(other.beside(&answer(now, 200 * MILLISECOND)), Beside::Usual);
}

#[test]
fn half_of_those_who_can_tell_are_enough() {
    use Beside::{Slow, Unknown, Usual};
    for (others, expected) in [
        (&[Slow, Usual][..], Slow),
        (&[Slow, Usual, Usual], Usual),
        (&[Unknown, Slow], Slow),
        (&[Unknown, Usual], Usual),
        (&[Unknown], Unknown),
        (&[], Unknown),
    ] {
        assert_eq!(Beside::most(others.iter().copied()), expected, "{others:?}");
    }
}

#[test]
fn slow_answers_in_a_row_are_too_many_and_a_usual_one_between_begins_anew() {
    let now = Instant::now();
    let mut pace = Pace::default();
    let slow = |pace: &mut Pace, times: u32| (0..times).map(|_| pace.compared(Beside::Slow, now)).collect::<Vec<_>>();
    assert!(!slow(&mut pace, SLOW_ANSWERS - 1).contains(&true));
    assert!(!pace.is_quick(&answer(now, MILLISECOND)), "now quick ones are compared too");
    assert!(!pace.compared(Beside::Unknown, now));
    assert!(pace.compared(Beside::Slow, now), "what cannot be told changes nothing");
    assert!(pace.is_quick(&answer(now, MILLISECOND)));

    assert!(!slow(&mut pace, SLOW_ANSWERS - 1).contains(&true));
    assert!(!pace.compared(Beside::Usual, now));
    assert!(!slow(&mut pace, SLOW_ANSWERS - 1).contains(&true));
}

#[test]
fn slow_answers_far_apart_are_accidents() {
    let mut now = Instant::now();
    let mut pace = Pace::default();
    for _ in 0..10 * SLOW_ANSWERS {
        now += SLOW_PAUSE + MILLISECOND;
        assert!(!pace.compared(Beside::Slow, now));
    }
}

proptest! {
    /// Endpoints that answer alike, however unequal the calls are, and all become slow at the same moment: nobody has an
    /// answer that took many times as long as that of a call which another one answered in the meantime.
    #[test]
    fn a_service_that_becomes_slow_as_a_whole_has_no_slow_endpoint(
        calls in prop::collection::vec((0_usize..3, 1_u64..20), 100..300),
        times in 5_u32..200,
    ) {
        let begin = Instant::now();
        let turn = begin + Duration::from_millis(500);
        let mut answers: Vec<(Instant, usize, Answer)> = calls
            .iter()
            .enumerate()
            .map(|(number, (endpoint, jitter))| {
                let sent = begin + MILLISECOND * u32::try_from(number * 5).unwrap();
                let took = Duration::from_micros(10_000 + jitter * 100) * if sent < turn { 1 } else { times };
                (sent + took, *endpoint, answer(sent, took))
            })
            .collect();
        answers.sort_by_key(|(at, ..)| *at);
        let mut endpoints = [Pace::default(), Pace::default(), Pace::default()];
        for (at, endpoint, answer) in answers {
            let others = endpoints.iter().enumerate().filter(|(number, _)| *number != endpoint);
            let beside = Beside::most(others.map(|(_, other)| other.beside(&answer)));
            endpoints[endpoint].answered(&answer);
            prop_assert!(!endpoints[endpoint].compared(beside, at));
        }
    }
}
