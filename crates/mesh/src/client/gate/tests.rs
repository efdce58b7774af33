//! When an endpoint is taken out, probed and let in again.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Asks, FAILURES_MAX, Gate, Pass, SHUT_FIRST, SHUT_MAX, State, Verdict};

const ASKS: Asks = Asks { repeatable: true, desperate: false };
const SECOND: Duration = Duration::from_secs(1);

fn fail(gate: &mut Gate, now: Instant) -> bool {
    gate.record(Pass::Open, Verdict::Broken, true, now, 0.0)
}

fn shut(now: Instant) -> Gate {
    let mut gate = Gate::new(now);
    (0..FAILURES_MAX).for_each(|_| {
        fail(&mut gate, now);
    });
    gate
}

#[test]
fn five_failures_in_a_row_shut_it() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    // Many good answers, so that the share of failures does not do it.
    for _ in 0..100 {
        assert!(!gate.record(Pass::Open, Verdict::Good, true, now, 0.0));
    }
    for _ in 1..FAILURES_MAX {
        assert!(!fail(&mut gate, now));
    }
    assert!(fail(&mut gate, now));
    assert_eq!((gate.state(), gate.ejections()), (State::Shut { until: now + SHUT_FIRST }, 1));
    assert_eq!(gate.pass(ASKS, now), None);
}

#[test]
fn two_calls_that_nobody_answers_shut_it() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    for _ in 0..100 {
        gate.record(Pass::Open, Verdict::Good, true, now, 0.0);
    }
    assert!(!gate.record(Pass::Open, Verdict::Silent, false, now, 0.0));
    assert!(gate.record(Pass::Open, Verdict::Silent, false, now, 0.0));
}

#[test]
fn a_good_answer_in_between_counts_from_the_beginning() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    for round in 0..200 {
        let verdict = if round % 6 == 5 { Verdict::Broken } else { Verdict::Good };
        assert!(!gate.record(Pass::Open, verdict, true, now, 0.0));
    }
}

#[test]
fn a_poor_share_of_good_answers_shuts_it_too() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    let moved = [Verdict::Good, Verdict::Broken, Verdict::Good, Verdict::Broken, Verdict::Good, Verdict::Broken]
        .map(|verdict| gate.record(Pass::Open, verdict, true, now, 0.0));
    assert_eq!(moved, [false, false, false, false, false, true]);
}

#[test]
fn wrong_answers_do_not_take_out_the_last_endpoints() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    for _ in 0..50 {
        assert!(!gate.record(Pass::Open, Verdict::Faulty, false, now, 0.0));
    }
    assert!(gate.record(Pass::Open, Verdict::Faulty, true, now, 0.0));
}

#[test]
fn who_is_far_slower_than_others_is_taken_out_when_there_are_enough_others() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    assert!(!gate.record(Pass::Open, Verdict::Slow, false, now, 0.0));
    assert!(gate.record(Pass::Open, Verdict::Slow, true, now, 0.0));
    assert_eq!((gate.ejections(), gate.slow_ejections()), (1, 1));
    assert!(gate.failed_share(now) < 1e-9, "its answers were good");
    // On probation it must be as fast as the others.
    let mut due = now + SHUT_FIRST;
    gate.pass(ASKS, due);
    assert!(gate.record(Pass::Probe, Verdict::Slow, false, due, 0.0));
    assert_eq!(gate.state(), State::Shut { until: due + SHUT_FIRST * 2 });
    due += SHUT_FIRST * 2;
    gate.pass(ASKS, due);
    assert!(gate.record(Pass::Probe, Verdict::Good, false, due, 0.0));
    assert_eq!((gate.state(), gate.ejections()), (State::Open, 1));
}

#[test]
fn shed_load_is_no_illness() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    for _ in 0..50 {
        assert!(!gate.record(Pass::Open, Verdict::Overloaded, true, now, 0.0));
    }
    assert!(gate.failed_share(now) < 1e-9);
}

#[test]
fn one_call_at_a_time_finds_out_and_success_opens_it() {
    let now = Instant::now();
    let mut gate = shut(now);
    let due = now + SHUT_FIRST;
    assert_eq!(gate.would_pass(ASKS, due), Some(Pass::Probe));
    assert_eq!(gate.pass(ASKS, due), Some(Pass::Probe));
    assert_eq!((gate.pass(ASKS, due), gate.due(ASKS)), (None, None));
    // Calls from before have no say.
    assert!(!gate.record(Pass::Open, Verdict::Good, true, due, 0.0));
    assert!(gate.record(Pass::Probe, Verdict::Good, true, due, 0.0));
    assert_eq!(gate.pass(ASKS, due), Some(Pass::Open));
}

#[test]
fn pauses_double_up_to_a_minute_and_begin_anew_after_it_held() {
    let mut now = Instant::now();
    let mut gate = shut(now);
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        let State::Shut { until } = gate.state() else { panic!("shut") };
        assert_eq!(until - now, Duration::from_secs(expected));
        now = until;
        assert_eq!(gate.pass(ASKS, now), Some(Pass::Probe));
        gate.record(Pass::Probe, Verdict::Broken, true, now, 0.0);
    }
    now += SHUT_MAX;
    gate.pass(ASKS, now);
    gate.record(Pass::Probe, Verdict::Good, true, now, 0.0);
    now += SECOND;
    let mut relapsed = gate.clone();
    (0..FAILURES_MAX).for_each(|_| {
        fail(&mut relapsed, now);
    });
    assert_eq!(relapsed.state(), State::Shut { until: now + SHUT_MAX }, "it failed again at once");
    now += SHUT_MAX;
    (0..FAILURES_MAX).for_each(|_| {
        fail(&mut gate, now);
    });
    assert_eq!(gate.state(), State::Shut { until: now + SHUT_FIRST }, "it had held");
}

#[test]
fn a_cancelled_probe_lets_the_next_try() {
    let now = Instant::now();
    let mut gate = shut(now);
    let due = now + SHUT_FIRST;
    gate.pass(ASKS, due);
    assert!(gate.record(Pass::Probe, Verdict::Nothing, true, due, 0.0));
    assert_eq!(gate.pass(ASKS, due), Some(Pass::Probe));
}

#[test]
fn probes_are_left_to_calls_that_can_be_repeated_unless_there_is_no_other_way() {
    let now = Instant::now();
    let gate = shut(now);
    let once = Asks { repeatable: false, ..ASKS };
    assert_eq!(gate.would_pass(once, now + SHUT_FIRST), None);
    assert_eq!(gate.would_pass(once, now + SHUT_FIRST * 6), Some(Pass::Probe));
    assert_eq!(gate.would_pass(Asks { desperate: true, ..once }, now + SHUT_FIRST), Some(Pass::Probe));
}

#[test]
fn a_long_pause_is_not_waited_out_when_there_is_nobody_else() {
    let mut now = Instant::now();
    let mut gate = shut(now);
    for _ in 0..6 {
        let State::Shut { until } = gate.state() else { panic!("shut") };
        now = until;
        gate.pass(ASKS, now);
        gate.record(Pass::Probe, Verdict::Broken, true, now, 0.0);
    }
    assert_eq!(gate.would_pass(ASKS, now + SHUT_FIRST), None);
    assert_eq!(gate.would_pass(Asks { desperate: true, ..ASKS }, now + SHUT_FIRST), Some(Pass::Probe));
}

#[test]
fn a_suspicion_that_was_wrong_is_taken_back() {
    let now = Instant::now();
    let mut gate = Gate::new(now);
    for _ in 0..50 {
        assert!(!fail(&mut gate, now));
        gate.retract(now);
    }
    assert!(gate.failed_share(now) < 1e-9);
}

proptest! {
    /// Whatever happens: at most one probe is under way, a shut gate lets nobody through, and it never stays shut for longer
    /// than its longest pause.
    #[test]
    fn it_is_never_stuck_and_never_lets_two_probe(
        steps in prop::collection::vec((0_u64..5_000, 0_u8..7, any::<bool>(), 0.0..1.0_f64), 1..300),
    ) {
        let mut now = Instant::now();
        let mut gate = Gate::new(now);
        let mut running: Vec<Pass> = Vec::new();
        for (millis, what, spare, chance) in steps {
            now += Duration::from_millis(millis);
            if what == 0 {
                let before = gate.state();
                if let Some(pass) = gate.pass(ASKS, now) {
                    prop_assert_eq!(pass == Pass::Open, before == State::Open);
                    running.push(pass);
                }
            } else if let Some(pass) = running.pop() {
                let verdicts = [
                    Verdict::Good,
                    Verdict::Slow,
                    Verdict::Broken,
                    Verdict::Silent,
                    Verdict::Faulty,
                    Verdict::Nothing,
                ];
                let verdict = verdicts[usize::from(what) - 1];
                let before = gate.state();
                let moved = gate.record(pass, verdict, spare, now, chance);
                prop_assert_eq!(moved, before != gate.state() || (pass == Pass::Probe && before == State::Probing));
            }
            let probing = running.iter().filter(|pass| **pass == Pass::Probe).count();
            prop_assert_eq!(probing, usize::from(gate.state() == State::Probing));
            if let State::Shut { until } = gate.state() {
                prop_assert!(until <= now + SHUT_MAX.mul_f64(1.5));
                prop_assert!(gate.would_pass(ASKS, until).is_some());
            }
        }
    }
}
