//! Ridge regression on the deviations from the profile, one for each detector and horizon.
//!
//! The deviation h steps ahead is a weighted sum of the last twelve; the weights minimise the squared error plus
//! `penalty` times their own squares: (XᵀX + λI) w = Xᵀy, solved by Cholesky's decomposition in a fixed order, so that the
//! same history gives the same weights on every machine.

use super::models::{MEMORY, profile, residuals};
use super::{Forecast, Forecaster, HORIZONS, Model, Past};
use crate::domain::profile::Smoothed;

/// Deviations looked at.
const LAGS: usize = 12;
/// Rows without which nothing is learnt: half a day.
const ROWS_MIN: usize = 144;

type Square = [[f64; LAGS]; LAGS];

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Ridge {
    /// λ, in squared units of the value.
    pub penalty: f64,
}

impl Default for Ridge {
    fn default() -> Self {
        Self { penalty: 3_000.0 }
    }
}

struct Fitted {
    profile: Smoothed,
    /// By horizon; the newest deviation's weight first.
    weights: Option<[[f64; LAGS]; HORIZONS]>,
    /// The values seen: nothing beyond them is forecast.
    range: (f64, f64),
}

impl Model for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn fit(&self, past: Past<'_>) -> Box<dyn Forecaster> {
        let profile = profile(past);
        let first = past.series.first.max(past.origin().plus(-MEMORY));
        let deviations = residuals(past, &profile, first);
        let weights = self.weights(&deviations);
        let seen = past.series.iter().filter(|(step, _)| *step <= past.origin()).filter_map(|(_, value)| value);
        let range =
            seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        Box::new(Fitted { profile, weights, range })
    }
}

impl Ridge {
    fn weights(&self, deviations: &[Option<f64>]) -> Option<[[f64; LAGS]; HORIZONS]> {
        let mut gram: Square = [[0.0; LAGS]; LAGS];
        let mut targets = [[0.0; LAGS]; HORIZONS];
        let mut rows = 0;
        for at in LAGS - 1..deviations.len().saturating_sub(HORIZONS) {
            let Some(lags) = lags(|lag| deviations[at - lag]) else { continue };
            for (row, value) in gram.iter_mut().zip(lags) {
                for (cell, other) in row.iter_mut().zip(lags) {
                    *cell += value * other;
                }
            }
            for (target, value) in targets.iter_mut().zip(&deviations[at + 1..]) {
                // A missing target counts as typical, so that all horizons share one decomposition.
                let value = value.unwrap_or(0.0);
                for (cell, lag) in target.iter_mut().zip(lags) {
                    *cell += value * lag;
                }
            }
            rows += 1;
        }
        if rows < ROWS_MIN {
            return None;
        }
        for (index, row) in gram.iter_mut().enumerate() {
            row[index] += self.penalty;
        }
        let lower = cholesky(&gram)?;
        Some(targets.map(|target| solve(&lower, target)))
    }
}

impl Forecaster for Fitted {
    fn forecast(&self, past: Past<'_>) -> Forecast {
        let mut forecast = [None; HORIZONS];
        let Some(weights) = &self.weights else { return forecast };
        let deviation = |lag: usize| {
            let step = past.origin().plus(-i64::try_from(lag).ok()?);
            Some(past.get(step)? - self.profile.get(past.slot(step))?.value)
        };
        let Some(lags) = lags(deviation) else { return forecast };
        for ((slot, weights), horizon) in forecast.iter_mut().zip(weights).zip(super::ahead()) {
            let typical = self.profile.get(past.slot(past.origin().plus(horizon)));
            let by: f64 = weights.iter().zip(lags).map(|(weight, lag)| weight * lag).sum();
            *slot = typical.map(|typical| (typical.value + by).clamp(self.range.0, self.range.1));
        }
        forecast
    }
}

/// The last twelve deviations, the newest first; a missing one counts as typical, but the newest must be there.
fn lags(deviation: impl Fn(usize) -> Option<f64>) -> Option<[f64; LAGS]> {
    deviation(0)?;
    let mut lags = [0.0; LAGS];
    for (lag, slot) in lags.iter_mut().enumerate() {
        *slot = deviation(lag).unwrap_or(0.0);
    }
    Some(lags)
}

/// L of A = L·Lᵀ; `None` when A is not positive definite.
fn cholesky(a: &Square) -> Option<Square> {
    let mut lower = [[0.0; LAGS]; LAGS];
    for row in 0..LAGS {
        for column in 0..=row {
            let before: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
            let rest = a[row][column] - before;
            lower[row][column] = if row == column {
                if rest <= 0.0 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / lower[column][column]
            };
        }
    }
    Some(lower)
}

/// x of L·Lᵀ·x = b.
fn solve(lower: &Square, b: [f64; LAGS]) -> [f64; LAGS] {
    let mut x = b;
    for row in 0..LAGS {
        let before: f64 = (0..row).map(|k| lower[row][k] * x[k]).sum();
        x[row] = (x[row] - before) / lower[row][row];
    }
    for row in (0..LAGS).rev() {
        let after: f64 = (row + 1..LAGS).map(|k| lower[k][row] * x[k]).sum();
        x[row] = (x[row] - after) / lower[row][row];
    }
    x
}
