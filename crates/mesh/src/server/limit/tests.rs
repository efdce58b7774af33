//! The limit finds what a service bears, in simulations.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;

use super::{AdaptiveLimit, Inside, LEAST};

/// One kind of call: its share of all calls, how long it takes a worker in seconds.
type Kind = (f64, f64);

/// A service of so many workers behind a limit, in simulated time: whoever is let in waits in line for a worker.
struct Service {
    limit: AdaptiveLimit,
    workers: BinaryHeap<Reverse<u64>>,
    inside: BinaryHeap<Reverse<(u64, usize)>>,
    calls: Vec<Inside>,
    /// When workers are busy, from and to.
    busy: Vec<(u64, u64)>,
    now: u64,
    dice: u64,
}

/// What became of the calls of a time.
#[derive(Default, Debug)]
struct Outcome {
    offered: usize,
    refused: usize,
    /// Work that was done within this time, in seconds of one worker.
    work: f64,
    /// How long answered calls took, beside how long they would have taken alone.
    stretch: f64,
}

const SECOND: f64 = 1e9;

impl Service {
    fn new(workers: usize, most: usize) -> Self {
        Self {
            limit: AdaptiveLimit::new(3, most),
            workers: std::iter::repeat_n(Reverse(0), workers).collect(),
            inside: BinaryHeap::new(),
            calls: Vec::new(),
            busy: Vec::new(),
            now: 0,
            dice: 42,
        }
    }

    /// Between 0 and 1.
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.dice >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn end_until(&mut self, until: u64) {
        while let Some(Reverse((end, call))) = self.inside.peek().copied()
            && end <= until
        {
            self.inside.pop();
            self.limit.answered(self.calls[call], Duration::from_nanos(end));
        }
    }

    /// Offers calls for so many seconds, `rate` a second at random times; `spread` says how much service times vary.
    fn run(&mut self, seconds: f64, rate: f64, kinds: &[Kind], spread: f64) -> Outcome {
        let mut outcome = Outcome::default();
        let (begin, end, mut stretch) = (self.now, self.now + (seconds * SECOND) as u64, (0.0, 0.0));
        loop {
            self.now += (-self.roll().ln() / rate * SECOND) as u64;
            if self.now > end {
                break;
            }
            self.end_until(self.now);
            outcome.offered += 1;
            if self.inside.len() >= self.limit.limit_now() {
                self.limit.refused();
                outcome.refused += 1;
                continue;
            }
            let mut pick = self.roll();
            let (method, took) = kinds
                .iter()
                .enumerate()
                .find_map(|(method, (share, took))| {
                    pick -= share;
                    (pick <= 0.0).then_some((method, *took))
                })
                .unwrap_or((0, kinds[0].1));
            let took = took * (1.0 - spread - spread * self.roll().ln());
            let Reverse(free) = self.workers.pop().unwrap();
            let done = free.max(self.now) + (took * SECOND) as u64;
            self.workers.push(Reverse(done));
            let crowd = self.inside.len() + 1;
            self.calls.push(self.limit.admitted(method, crowd, Duration::from_nanos(self.now)));
            self.inside.push(Reverse((done, self.calls.len() - 1)));
            self.busy.push((free.max(self.now), done));
            stretch = (stretch.0 + (done - self.now) as f64 / SECOND, stretch.1 + took);
        }
        self.end_until(end);
        let within = |(from, to): &(u64, u64)| (*to).min(end).saturating_sub((*from).max(begin)) as f64 / SECOND;
        outcome.work = self.busy.iter().map(within).sum();
        self.busy.retain(|(_, to)| *to > end);
        outcome.stretch = stretch.0 / stretch.1;
        self.now = end;
        outcome
    }

    fn capacity(&self, kinds: &[Kind]) -> f64 {
        let mean: f64 = kinds.iter().map(|(share, took)| share * took).sum();
        self.workers.len() as f64 / mean
    }
}

/// A second of the service's work is offered so many times over.
fn overload(service: &mut Service, times: f64, seconds: f64, kinds: &[Kind], spread: f64) -> Outcome {
    let rate = service.capacity(kinds) * times;
    service.run(seconds, rate, kinds, spread)
}

fn goodput(service: &Service, outcome: &Outcome, seconds: f64) -> f64 {
    outcome.work / service.workers.len() as f64 / seconds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn under_overload_workers_stay_busy_and_nobody_waits_long(
        workers in 4_usize..64, took in 0.008..1.28_f64, times in 2.0..6.0_f64, spread in 0.0..1.0_f64,
    ) {
        let kinds = [(1.0, took)];
        let mut service = Service::new(workers, 1_024);
        overload(&mut service, 0.5, 3.0 * took.max(1.0), &kinds, spread);
        let hit = overload(&mut service, times, 20.0, &kinds, spread);
        prop_assert!(goodput(&service, &hit, 20.0) >= 0.9, "{hit:?}");
        let settled = overload(&mut service, times, 20.0, &kinds, spread);
        prop_assert!(goodput(&service, &settled, 20.0) >= 0.9, "{settled:?}");
        // The tolerance, what may wait anyway, and the noise of a baseline that was measured with few calls.
        let expected = super::TOLERANCE * 1.6 + 3.0 * super::SLACK / workers as f64;
        prop_assert!(settled.stretch <= expected, "{settled:?} > {expected}");
    }

    #[test]
    fn the_limit_stays_between_its_bounds_whatever_comes(
        most in 1_usize..2_000, calls in proptest::collection::vec((0_usize..4, 0_u64..5_000, 0_usize..3_000, 0..4), 0..400),
    ) {
        let mut limit = AdaptiveLimit::new(3, most);
        let (mut now, mut inside) = (Duration::ZERO, Vec::<Inside>::new());
        for (method, wait, crowd, what) in calls {
            now += Duration::from_millis(wait);
            match (what, inside.pop()) {
                (0, _) => limit.refused(),
                (1, Some(call)) => limit.left(call, now),
                (2, Some(call)) => limit.answered(call, now),
                (_, call) => inside.extend(call.into_iter().chain([limit.admitted(method, crowd, now)])),
            }
            prop_assert!(limit.limit() <= most && limit.limit() >= most.min(LEAST as usize));
            prop_assert!((1..=limit.limit()).contains(&limit.limit_now()));
        }
    }
}

#[test]
fn without_overload_nobody_is_refused_and_the_limit_stands_still() {
    let mut service = Service::new(20, 1_024);
    let calm = overload(&mut service, 0.5, 60.0, &[(1.0, 0.02)], 1.0);
    assert_eq!((calm.refused, service.limit.limit()), (0, super::INITIAL as usize));
}

#[test]
fn a_limit_that_is_too_low_grows_within_seconds() {
    let mut service = Service::new(300, 1_024);
    overload(&mut service, 0.8, 5.0, &[(1.0, 0.05)], 0.5);
    let later = overload(&mut service, 0.8, 10.0, &[(1.0, 0.05)], 0.5);
    assert!(later.refused * 200 < later.offered, "{later:?}");
}

#[test]
fn a_shift_in_the_mix_of_methods_is_no_overload() {
    let mut service = Service::new(40, 1_024);
    let (reads, logins) = ([(0.99, 0.001), (0.01, 0.1)], [(0.3, 0.001), (0.7, 0.1)]);
    overload(&mut service, 0.6, 10.0, &reads, 0.2);
    // Calls take 35 times as long now, on average, and none of them waits.
    let shifted = overload(&mut service, 0.6, 10.0, &logins, 0.2);
    assert!(shifted.refused * 1_000 < shifted.offered, "{shifted:?}");
    let hit = overload(&mut service, 5.0, 20.0, &logins, 0.2);
    assert!(goodput(&service, &hit, 20.0) >= 0.95, "{hit:?}");
    let back = overload(&mut service, 3.0, 20.0, &reads, 0.2);
    assert!(goodput(&service, &back, 20.0) >= 0.9, "{back:?}");
}

#[test]
fn a_service_that_starts_under_overload_finds_its_limit() {
    let mut service = Service::new(20, 1_024);
    overload(&mut service, 10.0, 10.0, &[(1.0, 0.02)], 0.5);
    let settled = overload(&mut service, 10.0, 20.0, &[(1.0, 0.02)], 0.5);
    assert!(goodput(&service, &settled, 20.0) >= 0.95 && settled.stretch < 2.5, "{settled:?}");
}

#[test]
fn hours_of_overload_do_not_teach_it_that_waiting_is_normal() {
    let mut service = Service::new(10, 1_024);
    overload(&mut service, 0.5, 5.0, &[(1.0, 0.1)], 0.3);
    overload(&mut service, 3.0, 30.0, &[(1.0, 0.1)], 0.3);
    let first = service.limit.limit();
    overload(&mut service, 3.0, 3_600.0, &[(1.0, 0.1)], 0.3);
    let last = overload(&mut service, 3.0, 60.0, &[(1.0, 0.1)], 0.3);
    assert!(service.limit.limit() <= first * 3 / 2 && last.stretch < 3.0, "{first} → {}", service.limit.limit());
    assert!(goodput(&service, &last, 60.0) >= 0.95, "{last:?}");
}

#[test]
fn what_became_slower_without_becoming_busier_is_believed_after_a_while() {
    let mut service = Service::new(200, 1_024);
    overload(&mut service, 0.4, 10.0, &[(1.0, 0.02)], 0.3);
    // Something behind the service answers ten times as slowly and as much at once as before: the same calls a second
    // need more of them inside.
    let rate = 0.08 * service.capacity(&[(1.0, 0.02)]);
    service.run(40.0, rate, &[(1.0, 0.2)], 0.3);
    let later = service.run(20.0, rate, &[(1.0, 0.2)], 0.3);
    assert!(later.refused * 100 < later.offered, "{later:?}");
}

#[test]
fn measuring_slow_calls_leaves_most_workers_busy() {
    // Of calls of 0.9 s each, measuring with a third of the limit cost a tenth of the work.
    let (workers, capacity) = (54, 59.807_857_887_917_57);
    let kinds = [(1.0, workers as f64 / capacity)];
    let mut service = Service::new(workers, 1_024);
    overload(&mut service, 0.5, 3.0, &kinds, 0.745_630_235_859_902_7);
    for _ in 0..12 {
        let outcome = overload(&mut service, 2.451_846_406_925_468, 20.0, &kinds, 0.745_630_235_859_902_7);
        assert!(goodput(&service, &outcome, 20.0) >= 0.93, "{outcome:?}");
    }
}

#[test]
fn the_queue_that_slow_calls_met_at_the_start_is_gone_within_seconds() {
    let kinds = [(1.0, 1.2)];
    let mut service = Service::new(4, 1_024);
    overload(&mut service, 0.5, 4.0, &kinds, 0.8);
    overload(&mut service, 3.5, 20.0, &kinds, 0.8);
    let settled = overload(&mut service, 3.5, 20.0, &kinds, 0.8);
    assert!(settled.stretch <= 5.0, "{settled:?}");
}
