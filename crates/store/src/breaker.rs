//! Whether to try what keeps failing: a circuit breaker, without a clock of its own.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

/// Opens after so many failures in a row; then one attempt is let through after each pause, and pauses grow until one
/// succeeds. An attempt that never comes to an end blocks nobody: after the next pause another one is let through.
#[derive(Clone, Debug)]
pub struct Breaker {
    failures_max: u32,
    shortest: Duration,
    longest: Duration,
    failures: u32,
    /// When the next attempt is let through; `None` while everything is.
    until: Option<Instant>,
}

impl Breaker {
    /// A closed one. Pauses double from `shortest` to `longest`, less up to a half.
    pub fn new(failures_max: u32, shortest: Duration, longest: Duration) -> Self {
        Self { failures_max: failures_max.max(1), shortest, longest, failures: 0, until: None }
    }

    /// Whether to try now. True while it is open means: this is the one attempt of its pause.
    pub fn permit(&mut self, now: Instant, spread: f64) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(now + self.pause(spread));
                true
            }
        }
    }

    /// Whether attempts are held back.
    pub fn is_open(&self) -> bool {
        self.until.is_some()
    }

    /// It works; true when it did not before.
    pub fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.until.take().is_some()
    }

    /// It does not; true when this opens the breaker. `spread`, between 0 and 1, keeps processes from trying in step.
    pub fn failed(&mut self, now: Instant, spread: f64) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.failures_max {
            return false;
        }
        let opens = self.until.is_none();
        self.until = Some(now + self.pause(spread));
        opens
    }

    /// How long until the next attempt is let through.
    pub fn wait(&self, now: Instant) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    fn pause(&self, spread: f64) -> Duration {
        let doublings = self.failures.saturating_sub(self.failures_max).min(16);
        let full = self.shortest.saturating_mul(1 << doublings).min(self.longest);
        full.mul_f64(1.0 - spread.clamp(0.0, 1.0) / 2.0)
    }
}

/// A number between 0 and 1, another one each time: enough to keep processes from doing things in step, and no secret.
pub fn spread() -> f64 {
    let number = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(number).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    //! Failures in a row open it, pauses grow, one success closes it.

    use super::*;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_with_one_success() {
        let (mut breaker, start) = (Breaker::new(3, seconds(1), seconds(5)), Instant::now());
        for _ in 0..2 {
            assert!(!breaker.failed(start, 0.0) && breaker.permit(start, 0.0));
        }
        assert!(!breaker.succeeded(), "it was closed");
        for opens in [false, false, true, false] {
            assert_eq!(breaker.failed(start, 0.0), opens);
        }
        assert!(breaker.is_open() && !breaker.permit(start, 0.0));
        assert!(breaker.succeeded(), "it was open");
        assert!(breaker.permit(start, 0.0) && breaker.wait(start).is_zero());
    }

    #[test]
    fn pauses_grow_and_one_attempt_is_let_through_in_each() {
        let (mut breaker, mut now) = (Breaker::new(1, seconds(1), seconds(5)), Instant::now());
        for pause in [1, 2, 4, 5, 5] {
            breaker.failed(now, 0.0);
            assert_eq!(breaker.wait(now), seconds(pause));
            assert!(!breaker.permit(now + seconds(pause) - Duration::from_millis(1), 0.0));
            now += seconds(pause);
            assert!(breaker.permit(now, 0.0), "the pause is over");
            assert!(!breaker.permit(now, 0.0), "only one");
            // Should that one never come back, the next may try after as long.
            assert!(breaker.clone().permit(now + seconds(pause), 0.0));
        }
        breaker.failed(now, 1.0);
        assert_eq!(breaker.wait(now), seconds(5) / 2);
    }

    #[test]
    fn spread_is_between_nothing_and_one_and_varies() {
        let numbers: Vec<f64> = (0..100).map(|_| spread()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number < 0.5) && numbers.iter().any(|number| *number > 0.5));
    }
}
