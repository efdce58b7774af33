//! Measuring models as the literature on Los-loop does.
//!
//! Source: lehaifeng/T-GCN, read as a protocol. Windows lie inside the held-out part: 12 values in, `ahead` values out, one
//! window for each place but the last possible one (`range(len − 12 − ahead)`). Root mean squared and mean absolute error
//! are taken over all steps, windows and detectors together, in the unit of the values, without a mask. What a model cannot
//! say is filled with the last value, so that all models answer the same questions.

use super::models::latest;
use super::{Model, Series};
use crate::domain::step::Step;

/// Values that a window begins with.
pub const INPUT: usize = 12;

/// What came out for one model.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// How many values were compared.
    pub count: u64,
    /// How many of them the model said itself.
    pub own: u64,
}

/// Fits the model on what lies before `test`, then forecasts every window of `test..end`; one measurement for each entry
/// of `ahead`, which must be between 1 and 12. `None` where no window fits.
pub fn measure(model: &dyn Model, series: &[Series], test: Step, end: Step, ahead: &[usize]) -> Vec<Option<Measured>> {
    let mut sums = vec![Sums::default(); ahead.len()];
    let input = i64::try_from(INPUT).unwrap_or(12);
    for series in series {
        let fitted = model.fit(series.up_to(test.plus(-1)));
        // The origin is the last of the twelve values that a window begins with.
        for origin in (test.0 + input - 1..end.0).map(Step) {
            let past = series.up_to(origin);
            let forecast = fitted.forecast(past);
            let last = latest(past);
            for (sums, ahead) in sums.iter_mut().zip(ahead) {
                let steps = i64::try_from(*ahead).unwrap_or(i64::MAX);
                // One window fewer than possible, as published.
                if origin.plus(steps + 1) >= end {
                    continue;
                }
                for (horizon, forecast) in super::ahead().zip(forecast).take(*ahead) {
                    let Some((value, actual)) = forecast.or(last).zip(series.get(origin.plus(horizon))) else {
                        continue;
                    };
                    sums.absolute += (actual - value).abs();
                    sums.squared += (actual - value).powi(2);
                    sums.count += 1;
                    sums.own += u64::from(forecast.is_some());
                }
            }
        }
    }
    sums.into_iter().map(Sums::measured).collect()
}

#[derive(Clone, Copy, Default)]
struct Sums {
    absolute: f64,
    squared: f64,
    count: u64,
    own: u64,
}

impl Sums {
    fn measured(self) -> Option<Measured> {
        let of = super::scoreboard::real(self.count);
        let (rmse, mae) = ((self.squared / of).sqrt(), self.absolute / of);
        (self.count > 0).then_some(Measured { rmse, mae, count: self.count, own: self.own })
    }
}
