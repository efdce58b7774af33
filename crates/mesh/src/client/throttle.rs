//! Adaptive throttling of the SRE book: calls that would be refused over there are refused here, where it costs nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;
use crate::Criticality;

/// So many calls are sent for each that is accepted: the service keeps learning that we are here, and we that it is.
const K: f64 = 2.0;
/// What is remembered.
const WINDOW: Duration = Duration::from_secs(120);
const BUCKETS: usize = 24;
/// With fewer refusals than this there is nothing to throttle, whatever is on its way: a burst is no sign of anything.
const REFUSALS_MIN: u64 = 10;
/// At most this share is refused, so that a service which recovers is noticed.
const SHARE_MAX: f64 = 0.9;

/// One service's throttle. Each class of criticality has its own memory: while batch work is throttled, people are not.
#[derive(Debug)]
pub(crate) struct Throttle([Mutex<Memory>; Criticality::ALL.len()]);

#[derive(Debug)]
struct Memory {
    /// All: calls. Good: those that were accepted.
    calls: Window<BUCKETS>,
    /// All: calls that were refused over there.
    refusals: Window<BUCKETS>,
}

impl Throttle {
    pub(crate) fn new(now: Instant) -> Self {
        let memory = || Memory { calls: Window::new(WINDOW, now), refusals: Window::new(WINDOW, now) };
        Self(std::array::from_fn(|_| Mutex::new(memory())))
    }

    /// Counts a call before it is sent (counted afterwards, a burst would pass while the first is on its way) and says
    /// whether it may be. Calls that it holds back count too. `chance` is drawn from 0..1.
    pub(crate) fn admits(&self, criticality: Criticality, now: Instant, chance: f64) -> bool {
        let mut memory = self.memory(criticality);
        let (counts, refusals) = (memory.calls.counts(now), memory.refusals.counts(now));
        memory.calls.add(now, 1, 0);
        refusals.all < REFUSALS_MIN || chance >= share(counts.all, counts.good)
    }

    /// How a call ended that had been admitted: the service refused it for its load, or took it, or nobody knows.
    pub(crate) fn ended(&self, criticality: Criticality, refused: bool, now: Instant) {
        let mut memory = self.memory(criticality);
        if refused {
            memory.refusals.add(now, 1, 0);
        } else {
            memory.calls.add(now, 0, 1);
        }
    }

    fn memory(&self, criticality: Criticality) -> MutexGuard<'_, Memory> {
        let [sheddable, sheddable_plus, critical, critical_plus] = &self.0;
        let memory = match criticality {
            Criticality::Sheddable => sheddable,
            Criticality::SheddablePlus => sheddable_plus,
            Criticality::Critical => critical,
            Criticality::CriticalPlus => critical_plus,
        };
        memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The share of calls to refuse: `(requests − K·accepts) / (requests + 1)`.
fn share(requests: u64, accepts: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "calls of two minutes are far below 2^52")]
    let (requests, accepts) = (requests as f64, accepts as f64);
    ((requests - K * accepts) / (requests + 1.0)).clamp(0.0, SHARE_MAX)
}

#[cfg(test)]
mod tests;
