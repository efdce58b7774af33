//! How long an endpoint takes: peak-EWMA with a penalty for failures, the cost that the balancer compares.

use std::time::Duration;

use tokio::time::Instant;

/// Time in which an old measurement loses all but 37 % of its weight.
pub(crate) const DECAY: Duration = Duration::from_secs(10);
/// What an endpoint that only fails seems to take. Failing is fast, and the fastest endpoint would get every call.
pub(crate) const PENALTY: Duration = Duration::from_secs(5);
/// The longest time that a server can ask to be left alone.
pub(crate) const PUSHBACK_MAX: Duration = Duration::from_secs(300);
/// Differences below this are noise.
const FLOOR: f64 = 0.001;

/// The load of one endpoint, in seconds per call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    estimate: f64,
    penalty: f64,
    at: Instant,
}

impl Load {
    /// Of an endpoint that nobody has called yet; `guess` is what its neighbours take, so that it gets its share at once.
    pub(crate) fn new(guess: Duration, now: Instant) -> Self {
        Self { estimate: guess.as_secs_f64(), penalty: 0.0, at: now }
    }

    /// An answer took this long: longer than thought counts at once, shorter little by little.
    pub(crate) fn measured(&mut self, took: Duration, now: Instant) {
        let took = took.as_secs_f64();
        let keep = self.decay(now);
        // `decay` has shrunk the estimate already.
        self.estimate = if took > self.estimate { took } else { self.estimate + took * (1.0 - keep) };
    }

    /// A call failed; `share` of the recent ones did. An endpoint that fails now and then is avoided a little, one that
    /// fails always as if it took [`PENALTY`].
    pub(crate) fn failed(&mut self, share: f64, now: Instant) {
        self.penalize(PENALTY.mul_f64(share.clamp(0.0, 1.0)), now);
    }

    /// The endpoint asked to be left alone, or was silent, for so long.
    pub(crate) fn penalize(&mut self, penalty: Duration, now: Instant) {
        self.decay(now);
        self.penalty = self.penalty.max(penalty.min(PUSHBACK_MAX).as_secs_f64());
    }

    /// What a further call would cost where `pending` are running.
    pub(crate) fn cost(&mut self, pending: usize, now: Instant) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "calls are bounded far below 2^52")]
        let calls = (pending + 1) as f64;
        self.seconds(now) * calls
    }

    /// Seconds that a call takes, the penalty included.
    pub(crate) fn seconds(&mut self, now: Instant) -> f64 {
        self.decay(now);
        self.estimate.max(FLOOR) + self.penalty
    }

    /// Seconds that an answer takes, penalties aside.
    pub(crate) fn estimate(&self) -> f64 {
        self.estimate.max(FLOOR)
    }

    /// The endpoint works again: what it was punished for is over.
    pub(crate) fn forgive(&mut self) {
        self.penalty = 0.0;
    }

    /// The share of the old estimate that remains.
    fn decay(&mut self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        if passed.is_zero() {
            return 1.0;
        }
        let keep = (-passed.as_secs_f64() / DECAY.as_secs_f64()).exp();
        self.estimate *= keep;
        self.penalty *= keep;
        keep
    }
}

#[cfg(test)]
mod tests;
