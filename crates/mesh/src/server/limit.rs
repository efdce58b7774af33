//! How many calls at once a service bears, found out from how long they take. Pure: time is passed in.
//!
//! It is Netflix's Gradient2 with three changes, each for a reason that the tests show.
//!
//! * **Every method has its own baseline.** A sign-in takes a hundred times as long as a read, so one series of latencies
//!   would follow the mix of methods instead of the load. What counts is the sum of what the calls of a window took beside
//!   the sum of their methods' baselines. By Little's law the first is how many calls were inside and the second how many
//!   of the same mix would be inside if none had to wait; a shift in the mix moves both alike.
//! * **Baselines are learnt from calls that did not wait**: while the limit does not bind. The long window of Gradient2
//!   also learns under overload, so latency and limit pull each other up until the limit means nothing. When the limit has
//!   bound for long, it is lowered for a moment and a cohort of calls is measured, as Envoy does. All of the
//!   cohort is waited for: whoever takes the first that come back takes the quick ones, and the limit dwindles.
//!   Lowering costs work, the more the longer calls take. It goes far down only while no baseline is known for certain; a
//!   known one is checked with three quarters of what the service can do at once, which keeps most of it busy and yet
//!   finds out that a baseline was too high: each check takes at least a quarter off.
//! * **The gradient may exceed 1**, up to the tolerance, so that a limit that is too low grows as fast as one that is too
//!   high shrinks. Where it settles stays the same: at the tolerance times what the service can do at once.

use std::time::Duration;

use State::{Lowered, Measures, Waits};

/// Where a limit begins: high, since it shrinks within a second, and a false refusal is worse than a moment of queueing.
const INITIAL: f64 = 64.0;
/// No service is shrunk below this, however slow what stands behind it. The least number at which the shares of the four
/// classes of criticality still differ.
const LEAST: f64 = 8.0;
/// How much longer than their baselines calls may take before the limit shrinks (Gradient2).
const TOLERANCE: f64 = 1.5;
/// One window at most halves the target (Gradient2).
const GRADIENT_LEAST: f64 = 0.5;
/// How much of the way to its target the limit goes in one window (Gradient2) …
const SMOOTHING: f64 = 0.2;
/// … and where calls take three times as long as they should, which no chance explains: windows of slow calls are long, and
/// the queue that the first of them met would last for minutes.
const SMOOTHING_FAR: f64 = 0.3;
/// Calls that may wait inside whatever the gradient says, so that small limits bear small bursts (Gradient2).
const SLACK: f64 = 4.0;
/// A window lasts at least so long, and as long as calls took in the last one, and has so many samples …
const WINDOW: Duration = Duration::from_millis(100);
const WINDOW_SAMPLES: usize = 16;
/// … unless samples come so slowly that it would last longer than this.
const WINDOW_MAX: Duration = Duration::from_secs(1);
/// How many samples a baseline remembers (the long window of Gradient2).
const LONG: f64 = 600.0;
/// How long a limit may bind until the baselines are measured anew.
const PROBE_AFTER: Duration = Duration::from_secs(15);
/// To which share the limit is lowered for that: where it settles, half of what the service can do at once …
const PROBE_SHARE: f64 = 1.0 / 3.0;
/// … and to check baselines that were measured so before, three quarters of it.
const CHECK_SHARE: f64 = 1.0 / 2.0;
/// Least number of calls in the cohort that is measured.
const PROBE_SAMPLES: usize = 16;
/// A cohort of so many calls of a method is believed as much as what was known before.
const PROBE_DOUBT: f64 = 8.0;
/// The limit stays lowered until the cohort has ended, but no longer than this many times what calls took before …
const PROBE_PATIENCE: u32 = 2;
/// … and within these.
const PROBE_LENGTH: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A call that is inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    /// Which method, by number.
    pub(super) method: usize,
    admitted: Duration,
    /// How many calls were inside when it was let in, with it.
    crowd: usize,
    /// Whether it belongs to the cohort whose calls do not wait.
    measured: bool,
}

/// The limit of one service.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    limit: f64,
    most: f64,
    methods: Vec<Baseline>,
    window: Window,
    /// How long calls took on average in the last window.
    took: Duration,
    /// When the baselines were last known to be those of calls that did not wait.
    honest: Option<Duration>,
    probe: Option<Probe>,
}

/// The measuring of baselines.
#[derive(Debug)]
struct Probe {
    began: Duration,
    /// How many calls the cohort has in the end.
    wanted: usize,
    admitted: usize,
    inside: usize,
    /// Whether it lowers the limit; the one at the start does not, so it may have measured calls that waited.
    lowers: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Calls join the cohort; the limit is lowered.
    Lowered,
    /// Calls join the cohort; the limit is as it is.
    Measures,
    /// The last calls of the cohort are waited for.
    Waits,
}

/// How long calls of one method take that do not wait, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Baseline {
    mean: f64,
    /// From how many samples, at most [`LONG`].
    seen: f64,
    window: Sum,
    cohort: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    count: f64,
}

#[derive(Debug, Default)]
struct Window {
    began: Duration,
    samples: usize,
    observed: f64,
    expected: f64,
    crowd: usize,
    refused: bool,
}

impl AdaptiveLimit {
    /// For so many methods; `most` is never exceeded.
    pub(super) fn new(methods: usize, most: usize) -> Self {
        let most = number(most.max(1));
        Self {
            limit: INITIAL.min(most),
            most,
            methods: vec![Baseline::default(); methods],
            window: Window::default(),
            took: Duration::ZERO,
            honest: None,
            // The first calls are measured without lowering anything: the first that come back are the quick ones.
            probe: Some(Probe {
                began: Duration::ZERO,
                wanted: PROBE_SAMPLES,
                admitted: 0,
                inside: 0,
                lowers: false,
                state: Measures,
            }),
        }
    }

    /// Most calls at once.
    pub(super) fn limit(&self) -> usize {
        whole(self.limit)
    }

    /// Most calls at once of what can wait for a moment: less while baselines are measured.
    pub(super) fn limit_now(&self) -> usize {
        if self.is_lowered() { self.lowered() } else { self.limit() }
    }

    fn is_lowered(&self) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.state == Lowered)
    }

    fn lowered(&self) -> usize {
        whole(self.limit * if self.honest.is_some() { CHECK_SHARE } else { PROBE_SHARE })
    }

    /// A call was turned away: the limit binds.
    pub(super) fn refused(&mut self) {
        self.window.refused = true;
    }

    /// A call is let in as one of `crowd`; it must be given back to [`Self::answered`] or [`Self::left`].
    pub(super) fn admitted(&mut self, method: usize, crowd: usize, now: Duration) -> Inside {
        let alone = crowd <= self.lowered();
        let measured = match &mut self.probe {
            Some(probe) if probe.state != Waits && alone && probe.admitted < probe.wanted => {
                if probe.state == Measures && probe.admitted == 0 {
                    probe.began = now;
                }
                probe.admitted += 1;
                probe.inside += 1;
                true
            }
            _ => false,
        };
        Inside { method, admitted: now, crowd, measured }
    }

    /// A call ended that tells nothing: it was refused further inside, which is fast whatever the load, or cancelled.
    pub(super) fn left(&mut self, call: Inside, now: Duration) {
        self.advance_probe(call.measured, now);
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, call: Inside, now: Duration) {
        let took = now.saturating_sub(call.admitted).as_secs_f64();
        let lowered = self.is_lowered();
        let Some(method) = self.methods.get_mut(call.method) else { return };
        if call.measured {
            method.cohort.add(took);
        } else if !lowered {
            method.window.add(took);
            if self.window.samples == 0 {
                self.window.began = self.window.began.max(call.admitted);
            }
            self.window.samples += 1;
            self.window.observed += took;
            self.window.expected += if method.seen > 0.0 { method.mean } else { took };
            self.window.crowd = self.window.crowd.max(call.crowd);
        }
        self.advance_probe(call.measured, now);
        let age = now.saturating_sub(self.window.began);
        let full = self.window.samples >= WINDOW_SAMPLES && age >= WINDOW.max(self.took);
        if !lowered && (full || age >= WINDOW_MAX) {
            self.end_window(now);
        }
    }

    fn end_window(&mut self, now: Duration) {
        let window = std::mem::replace(&mut self.window, Window { began: now, ..Window::default() });
        self.took = Duration::from_secs_f64(window.observed / number(window.samples.max(1)));
        let binds = window.refused || number(window.crowd) * 2.0 >= self.limit;
        // Until the cohort of the start has ended nothing is learnt from windows.
        let learns = self.honest.is_some() || self.probe.is_none();
        for method in &mut self.methods {
            method.end_window(learns, binds);
        }
        if !binds {
            // Whoever does not reach the limit tells nothing about it (Gradient2's rule for services with little to do).
            self.honest = learns.then_some(now);
            return;
        }
        let gradient = TOLERANCE * window.expected / window.observed.max(f64::MIN_POSITIVE);
        let target = self.limit * gradient.clamp(GRADIENT_LEAST, TOLERANCE) + SLACK;
        let smoothing = if gradient <= GRADIENT_LEAST { SMOOTHING_FAR } else { SMOOTHING };
        let next = self.limit + smoothing * (target - self.limit);
        self.limit = next.clamp(LEAST.min(self.most), self.most);
        let old = self.honest.is_none_or(|at| now.saturating_sub(at) >= PROBE_AFTER);
        if window.refused && old && self.probe.is_none() {
            let wanted = self.lowered().max(PROBE_SAMPLES);
            self.probe = Some(Probe { began: now, wanted, admitted: 0, inside: 0, lowers: true, state: Lowered });
        }
    }

    fn advance_probe(&mut self, measured: bool, now: Duration) {
        let Some(probe) = &mut self.probe else { return };
        if measured {
            probe.inside -= 1;
        }
        let patience = (self.took * PROBE_PATIENCE).clamp(PROBE_LENGTH.0, PROBE_LENGTH.1);
        let late = now.saturating_sub(probe.began) >= patience;
        let done = probe.inside == 0 && (probe.admitted == probe.wanted || late);
        let lowered = probe.state == Lowered;
        if lowered && (done || late) {
            self.window = Window { began: now, ..Window::default() };
        }
        if late {
            probe.state = Waits;
        }
        if done {
            for method in &mut self.methods {
                method.end_probe();
            }
            self.honest = probe.lowers.then_some(now).or(self.honest);
            self.probe = None;
        }
    }
}

impl Baseline {
    fn end_window(&mut self, learns: bool, binds: bool) {
        let window = std::mem::take(&mut self.window);
        if window.count > 0.0 && learns && (self.seen == 0.0 || !binds) {
            self.seen = (self.seen + window.count).min(LONG);
            self.mean += (window.mean() - self.mean) * (window.count / self.seen).min(1.0);
        }
    }

    /// What was measured without waiting replaces what was believed, the more the more samples there are.
    fn end_probe(&mut self) {
        let cohort = std::mem::take(&mut self.cohort);
        if cohort.count > 0.0 {
            let weight = if self.seen == 0.0 { 1.0 } else { cohort.count / (cohort.count + PROBE_DOUBT) };
            self.mean += (cohort.mean() - self.mean) * weight;
            self.seen = cohort.count.min(LONG);
        }
    }
}

impl Sum {
    fn add(&mut self, took: f64) {
        self.sum += took;
        self.count += 1.0;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

fn number(count: usize) -> f64 {
    count as f64
}

/// Cuts off the fraction.
fn whole(limit: f64) -> usize {
    (limit as usize).max(1)
}

#[cfg(test)]
mod tests;
