//! The simple models: last value, same time last week, and the profile with a decaying deviation.

use super::{Forecast, Forecaster, Model, Past, each};
use crate::domain::profile::{Profile, Smoothed};
use crate::domain::step::{STEPS_PER_WEEK, Step};

/// How old the last value may be, steps.
const STALE: i64 = 3;

/// It stays as it is. The baseline of every comparison.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastValue;

impl Model for LastValue {
    fn name(&self) -> &'static str {
        "last-value"
    }

    fn is_naive(&self) -> bool {
        true
    }

    fn fit(&self, _: Past<'_>) -> Box<dyn Forecaster> {
        Box::new(Self)
    }
}

impl Forecaster for LastValue {
    fn forecast(&self, past: Past<'_>) -> Forecast {
        let last = latest(past);
        each(|_| last)
    }
}

/// The last value, if it is not too old.
pub(super) fn latest(past: Past<'_>) -> Option<f64> {
    (0..STALE).find_map(|lag| past.lag(lag))
}

/// It is as it was a week ago.
#[derive(Clone, Copy, Debug, Default)]
pub struct SameTimeLastWeek;

impl Model for SameTimeLastWeek {
    fn name(&self) -> &'static str {
        "same-time-last-week"
    }

    fn is_naive(&self) -> bool {
        true
    }

    fn fit(&self, _: Past<'_>) -> Box<dyn Forecaster> {
        Box::new(Self)
    }
}

impl Forecaster for SameTimeLastWeek {
    fn forecast(&self, past: Past<'_>) -> Forecast {
        each(|horizon| past.week_before(past.origin().plus(horizon)))
    }
}

/// How far back a model learns: eight weeks.
pub(super) const MEMORY: i64 = 8 * STEPS_PER_WEEK;

/// The smoothed profile, plus what is left of the present deviation from it.
///
/// With r(t) = value(t) − profile(t), the forecast for h steps ahead is profile(t + h) + φ(h) · d(t). d is the mean of the
/// last three r with weights 3 : 2 : 1, φ(h) the share of it that was left after h steps in the past (least squares), made
/// to fall from step to step and kept between 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfileDecay;

struct FittedDecay {
    profile: Smoothed,
    left: [f64; super::HORIZONS],
}

impl Model for ProfileDecay {
    fn name(&self) -> &'static str {
        "profile-decay"
    }

    fn fit(&self, past: Past<'_>) -> Box<dyn Forecaster> {
        let profile = profile(past);
        let origin = past.origin();
        let first = past.series.first.max(origin.plus(-MEMORY));
        let deviations = residuals(past, &profile, first);
        let smoothed: Vec<Option<f64>> =
            (0..deviations.len()).map(|at| weighted(|lag| *deviations.get(at.checked_sub(lag)?)?)).collect();
        let mut left = [0.0; super::HORIZONS];
        let mut least = 1.0;
        for (index, left) in left.iter_mut().enumerate() {
            let (mut both, mut own) = (0.0, 0.0);
            for (now, then) in smoothed.iter().zip(deviations.iter().skip(index + 1)) {
                if let (Some(now), Some(then)) = (now, then) {
                    both += now * then;
                    own += now * now;
                }
            }
            least = if own > 0.0 { (both / own).clamp(0.0, least) } else { 0.0 };
            *left = least;
        }
        Box::new(FittedDecay { profile, left })
    }
}

impl Forecaster for FittedDecay {
    fn forecast(&self, past: Past<'_>) -> Forecast {
        let deviation = weighted(|lag| {
            let step = past.origin().plus(-i64::try_from(lag).ok()?);
            Some(past.get(step)? - self.profile.get(past.slot(step))?.value)
        });
        let mut left = self.left.iter();
        let mut forecast = [None; super::HORIZONS];
        for (slot, horizon) in forecast.iter_mut().zip(super::ahead()) {
            let typical = self.profile.get(past.slot(past.origin().plus(horizon)));
            *slot = typical.zip(left.next()).zip(deviation).map(|((typical, left), by)| typical.value + left * by);
        }
        forecast
    }
}

/// The mean of the last three deviations with weights 3 : 2 : 1; `None` when all are missing.
fn weighted(deviation: impl Fn(usize) -> Option<f64>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (lag, weight) in [(0, 3.0), (1, 2.0), (2, 1.0)] {
        if let Some(value) = deviation(lag) {
            sum += weight * value;
            weights += weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

/// What was typical in the last eight weeks.
pub(super) fn profile(past: Past<'_>) -> Smoothed {
    let mut profile = Profile::default();
    let first = past.origin().plus(-MEMORY);
    for (step, value) in past.series.iter().filter(|(step, _)| (first..=past.origin()).contains(step)) {
        if let Some(value) = value {
            profile.add(past.slot(step), value);
        }
    }
    profile.smoothed()
}

/// Deviations from the profile from a step up to the origin.
pub(super) fn residuals(past: Past<'_>, profile: &Smoothed, first: Step) -> Vec<Option<f64>> {
    let steps = (first.0..=past.origin().0).map(Step);
    steps.map(|step| Some(past.get(step)? - profile.get(past.slot(step))?.value)).collect()
}
