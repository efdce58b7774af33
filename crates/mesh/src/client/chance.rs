//! Chance, through a port: whoever tests a decision brings his own.

/// Draws at random. The one place of the client side that does.
pub(crate) trait Chance: Send + Sync {
    /// Evenly from 0 up to, but not including, 1.
    fn unit(&self) -> f64;

    /// Evenly from the numbers below `n`; 0 when there are none.
    fn below(&self, n: usize) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "endpoints are few, and the product lies within 0..n"
        )]
        let drawn = (self.unit() * n as f64) as usize;
        drawn.min(n.saturating_sub(1))
    }
}

/// The thread's generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random;

impl Chance for Random {
    fn unit(&self) -> f64 {
        rand::random()
    }
}
