//! How long one attempt is waited for before its endpoint becomes suspicious.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Impatience below this would mistake a busy machine for a dead one.
pub(crate) const SHORTEST: Duration = Duration::from_millis(250);
/// Patience before the first answer.
const FIRST: Duration = Duration::from_secs(2);
/// Part of a new measurement in the mean and in the deviation, as in TCP's timer (RFC 6298).
const MEAN_PART: f64 = 0.125;
const DEVIATION_PART: f64 = 0.25;

/// What answers of one method usually take.
#[derive(Debug, Default)]
pub(crate) struct Patience(Mutex<Option<Usual>>);

#[derive(Clone, Copy, Debug)]
struct Usual {
    mean: f64,
    deviation: f64,
}

impl Patience {
    /// A good answer took this long.
    pub(crate) fn answered(&self, took: Duration) {
        let took = took.as_secs_f64();
        let mut usual = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *usual = Some(match *usual {
            None => Usual { mean: took, deviation: took / 2.0 },
            Some(Usual { mean, deviation }) => Usual {
                deviation: deviation + DEVIATION_PART * ((took - mean).abs() - deviation),
                mean: mean + MEAN_PART * (took - mean),
            },
        });
    }

    /// How long to wait before asking whether the endpoint is alive: twice the mean and four deviations, so a method that
    /// is always slow is not suspected for it.
    pub(crate) fn limit(&self) -> Duration {
        let usual = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Usual { mean, deviation }) = usual else { return FIRST };
        Duration::try_from_secs_f64(2.0 * mean + 4.0 * deviation).unwrap_or(FIRST).max(SHORTEST)
    }
}

#[cfg(test)]
mod tests;
