//! The circuit breaker of one endpoint: open, shut for a while, then on probation.

use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// This many failures in a row shut the gate.
pub(crate) const FAILURES_MAX: u32 = 5;
/// How many failures in a row a call is that nobody answered.
const SILENCE: u32 = 3;
/// So does a share of good answers below this within [`WINDOW`],
const GOOD_SHARE_MIN: f64 = 0.8;
/// when there were at least so many calls.
const CALLS_MIN: u64 = 5;
/// What the share is taken of.
const WINDOW: Duration = Duration::from_secs(10);
const BUCKETS: usize = 10;
/// How long the gate is shut the first time; twice as long each time the probe fails.
pub(crate) const SHUT_FIRST: Duration = Duration::from_secs(1);
/// The longest it is shut.
pub(crate) const SHUT_MAX: Duration = Duration::from_secs(60);
/// Up to this part longer, so that clients do not probe together.
const JITTER: f64 = 0.5;
/// How long a call that must not be repeated stays away from a due probe, when there are others to make it.
const PROBE_RESERVED: Duration = Duration::from_secs(5);

/// What a call says about its endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It works.
    Good,
    /// It works, and takes many times as long as others do, time and again.
    Slow,
    /// It cannot answer: UNAVAILABLE, a broken connection.
    Broken,
    /// It does not answer, while others do. Calls to it hang instead of failing, so there are soon no more of them to count:
    /// one weighs as much as [`SILENCE`] failures.
    Silent,
    /// It answers, and wrongly: INTERNAL and the like. That may be the callers' fault or a bug that all endpoints share.
    Faulty,
    /// It wants fewer calls. That is no illness: ejecting who sheds load would move the load to the next and eject that
    /// too. The throttle answers this, and the load.
    Overloaded,
    /// Nothing: the caller went away.
    Nothing,
}

/// Where the gate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Calls pass.
    Open,
    /// No call passes until then.
    Shut {
        /// When the next call may probe.
        until: Instant,
    },
    /// One call is on its way to find out.
    Probing,
}

/// How a call may pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pass {
    /// As one of many.
    Open,
    /// As the one that finds out.
    Probe,
}

/// Who asks to pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asks {
    /// Whether the call can be repeated elsewhere when it fails.
    pub(crate) repeatable: bool,
    /// Whether there is no other endpoint to go to: then waiting out a long pause helps nobody.
    pub(crate) desperate: bool,
}

/// The gate before one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    state: State,
    since: Instant,
    in_a_row: u32,
    window: Window<BUCKETS>,
    /// How long it was shut last.
    pause: Duration,
    ejections: u64,
    /// How many of them for being slow.
    slow_ejections: u64,
}

impl Gate {
    /// Open.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: State::Open,
            since: now,
            in_a_row: 0,
            window: Window::new(WINDOW, now),
            pause: Duration::ZERO,
            ejections: 0,
            slow_ejections: 0,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// How often it was shut.
    pub(crate) fn ejections(&self) -> u64 {
        self.ejections
    }

    /// How often of those because others were many times as fast.
    pub(crate) fn slow_ejections(&self) -> u64 {
        self.slow_ejections
    }

    /// The share of recent calls that failed.
    pub(crate) fn failed_share(&mut self, now: Instant) -> f64 {
        let counts = self.window.counts(now);
        if counts.all == 0 { 0.0 } else { 1.0 - ratio(counts.good, counts.all) }
    }

    /// When a call that asks so may probe; `None` when the gate is not shut.
    pub(crate) fn due(&self, asks: Asks) -> Option<Instant> {
        let State::Shut { until } = self.state else { return None };
        Some(if asks.desperate {
            until.min(self.since + SHUT_FIRST)
        } else if asks.repeatable {
            until
        } else {
            until + PROBE_RESERVED
        })
    }

    /// Whether a call may pass, without letting it.
    pub(crate) fn would_pass(&self, asks: Asks, now: Instant) -> Option<Pass> {
        match self.state {
            State::Open => Some(Pass::Open),
            State::Shut { .. } => self.due(asks).filter(|due| *due <= now).map(|_| Pass::Probe),
            State::Probing => None,
        }
    }

    /// Lets a call pass that may. From now on it is the only one when it is a probe.
    pub(crate) fn pass(&mut self, asks: Asks, now: Instant) -> Option<Pass> {
        let pass = self.would_pass(asks, now)?;
        if pass == Pass::Probe {
            // `since` stays: it tells how long the endpoint has been out.
            self.state = State::Probing;
        }
        Some(pass)
    }

    /// Takes a call's verdict; tells whether the gate has moved. Calls that passed before the gate was shut have no say any
    /// more. A gate is not shut for faulty or slow answers when too few others are open (`spare`): if all of them answer
    /// wrongly, a wrong answer is better than none. `chance` is drawn from 0..1.
    pub(crate) fn record(&mut self, pass: Pass, verdict: Verdict, spare: bool, now: Instant, chance: f64) -> bool {
        match (pass, self.state, verdict) {
            (Pass::Probe, State::Probing, Verdict::Good | Verdict::Overloaded) => {
                self.state = State::Open;
                self.since = now;
                self.in_a_row = 0;
                self.window.clear();
                true
            }
            // Nobody learned anything: the next may try.
            (Pass::Probe, State::Probing, Verdict::Nothing) => {
                self.state = State::Shut { until: now };
                true
            }
            (Pass::Probe, State::Probing, _) => {
                self.shut(self.pause.saturating_mul(2), now, chance);
                true
            }
            (Pass::Open, State::Open, Verdict::Nothing | Verdict::Overloaded) => false,
            (Pass::Open, State::Open, Verdict::Slow) => {
                self.count(Verdict::Good, now);
                if spare {
                    self.slow_ejections += 1;
                    self.eject(now, chance);
                }
                spare
            }
            (Pass::Open, State::Open, verdict) => {
                self.count(verdict, now);
                let trips = self.trips(now) && (verdict != Verdict::Faulty || spare);
                if trips && verdict != Verdict::Good {
                    self.eject(now, chance);
                }
                self.state != State::Open
            }
            _ => false,
        }
    }

    /// A call that was counted as failed has succeeded after all.
    pub(crate) fn retract(&mut self, now: Instant) {
        self.window.add(now, 0, 1);
        self.in_a_row = 0;
    }

    fn count(&mut self, verdict: Verdict, now: Instant) {
        let good = verdict == Verdict::Good;
        self.window.add(now, 1, u64::from(good));
        self.in_a_row = match verdict {
            Verdict::Good => 0,
            Verdict::Silent => self.in_a_row + SILENCE,
            _ => self.in_a_row + 1,
        };
    }

    fn trips(&mut self, now: Instant) -> bool {
        let counts = self.window.counts(now);
        self.in_a_row >= FAILURES_MAX || (counts.all >= CALLS_MIN && ratio(counts.good, counts.all) < GOOD_SHARE_MIN)
    }

    fn eject(&mut self, now: Instant, chance: f64) {
        // One that fails again at once goes on where it was.
        let relapse = now.saturating_duration_since(self.since) < self.pause;
        self.ejections += 1;
        self.shut(if relapse { self.pause.saturating_mul(2) } else { SHUT_FIRST }, now, chance);
    }

    fn shut(&mut self, pause: Duration, now: Instant, chance: f64) {
        self.pause = pause.clamp(SHUT_FIRST, SHUT_MAX);
        let until = now + self.pause.mul_f64(1.0 + JITTER * chance.clamp(0.0, 1.0));
        self.state = State::Shut { until };
        self.since = now;
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "calls of ten seconds are far below 2^52")]
    let ratio = part as f64 / whole as f64;
    ratio
}

#[cfg(test)]
mod tests;
