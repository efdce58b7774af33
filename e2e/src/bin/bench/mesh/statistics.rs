//! Confidence intervals by bootstrap.

use std::fmt;

const RESAMPLES: usize = 10_000;

/// 95 % of the bootstrap, and what was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) middle: f64,
    pub(super) high: f64,
}

impl Interval {
    /// Says so when it cannot be told from nothing.
    pub(super) fn verdict(self) -> String {
        if self.low > 0.0 {
            String::new()
        } else {
            format!(", not distinguishable from nothing; at most {:.1} µs", self.high)
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ({:.1}–{:.1})", self.middle, self.low, self.high)
    }
}

/// The mean over runs.
pub(super) fn mean<T>(runs: &[T], of: fn(&T) -> f64) -> f64 {
    runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64
}

/// How far a statistic of several series would scatter if everything were run again. Round by round the series are drawn
/// together, since they were run together.
pub(super) fn interval<T: Copy>(series: &[&[T]], statistic: impl Fn(&[Vec<T>]) -> f64) -> Interval {
    let rounds = series.iter().map(|runs| runs.len()).min().unwrap_or(0);
    let pick = |rounds: &[usize]| -> Vec<Vec<T>> {
        series.iter().map(|runs| rounds.iter().map(|round| runs[*round]).collect()).collect()
    };
    let all: Vec<usize> = (0..rounds).collect();
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<usize> = all.iter().map(|_| rand::random_range(0..rounds)).collect();
            statistic(&pick(&drawn))
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((RESAMPLES - 1) as f64 * share) as usize];
    Interval { low: at(0.025), middle: statistic(&pick(&all)), high: at(0.975) }
}
