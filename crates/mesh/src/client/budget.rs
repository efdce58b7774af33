//! How many retries a service gets: the tokens of gRPC (A6) and a share of its calls.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// A failure costs one token; retries stop at half of these.
const TOKENS_MAX: f64 = 10.0;
/// What a success gives back.
const TOKEN_RATIO: f64 = 0.1;
/// Retries may be this share of the calls within [`WINDOW`],
const SHARE: f64 = 0.1;
/// and so many beyond it, for services that are seldom called.
const FLOOR: f64 = 5.0;
const WINDOW: Duration = Duration::from_secs(10);
const BUCKETS: usize = 10;

/// One service's retries.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    tokens: f64,
    /// All: calls. Good: retries among them.
    window: Window<BUCKETS>,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Inner { tokens: TOKENS_MAX, window: Window::new(WINDOW, now) }))
    }

    /// A call begins.
    pub(crate) fn call(&self, now: Instant) {
        self.lock().window.add(now, 1, 0);
    }

    /// An attempt went well.
    pub(crate) fn succeeded(&self) {
        let mut inner = self.lock();
        inner.tokens = (inner.tokens + TOKEN_RATIO).min(TOKENS_MAX);
    }

    /// An attempt failed in a way that a retry might mend, or the server forbade one.
    pub(crate) fn failed(&self) {
        let mut inner = self.lock();
        inner.tokens = (inner.tokens - 1.0).max(0.0);
    }

    /// Takes one retry, if there is one. A service on which everything fails gets none after the first few.
    pub(crate) fn withdraw(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        let counts = inner.window.counts(now);
        #[expect(clippy::cast_precision_loss, reason = "calls of ten seconds are far below 2^52")]
        let within = ((counts.good + 1) as f64) <= counts.all as f64 * SHARE + FLOOR;
        let allowed = within && inner.tokens > TOKENS_MAX / 2.0;
        if allowed {
            inner.window.add(now, 0, 1);
        }
        allowed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
