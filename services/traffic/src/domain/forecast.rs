//! Forecasts of a detector's value, five to sixty minutes ahead: the port that models plug in behind, and the models.

mod models;
pub mod protocol;
mod ridge;
mod scoreboard;

pub use models::{LastValue, ProfileDecay, SameTimeLastWeek};
pub use ridge::Ridge;
pub use scoreboard::{ENOUGH, Error, Scoreboard, TOLD, Tally};

use super::calendar::Calendar;
use super::step::{Slot, Step};

/// Horizons: steps 1 to 12 after the origin.
pub const HORIZONS: usize = 12;

/// One value for each horizon, the nearest first; `None` where the model cannot say.
pub type Forecast = [Option<f64>; HORIZONS];

/// Values of one detector, step by step.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    first: Step,
    values: Vec<Option<f64>>,
    calendar: Calendar,
}

impl Series {
    /// Values from this step on.
    pub fn new(first: Step, values: Vec<Option<f64>>) -> Self {
        Self { first, values, calendar: Calendar::default() }
    }

    /// The same, in a city with these clocks.
    pub fn by(self, calendar: Calendar) -> Self {
        Self { calendar, ..self }
    }

    /// Steps with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Step, Option<f64>)> {
        (0..).zip(&self.values).map(|(index, value)| (self.first.plus(index), *value))
    }

    /// The value of a step.
    pub fn get(&self, step: Step) -> Option<f64> {
        let index = usize::try_from(step.0 - self.first.0).ok()?;
        *self.values.get(index)?
    }

    /// The last step; the one before the first when it is empty.
    pub fn last(&self) -> Step {
        self.first.plus(i64::try_from(self.values.len()).unwrap_or(i64::MAX) - 1)
    }

    /// What is known at a step.
    pub fn up_to(&self, origin: Step) -> Past<'_> {
        Past { series: self, origin }
    }
}

/// A series as it is known at its origin: what came later cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    series: &'a Series,
    origin: Step,
}

impl Past<'_> {
    /// The last step whose value is known.
    pub fn origin(&self) -> Step {
        self.origin
    }

    /// The value of a step; `None` after the origin.
    pub fn get(&self, step: Step) -> Option<f64> {
        if step <= self.origin { self.series.get(step) } else { None }
    }

    /// The weekday and the five minutes of it.
    pub fn slot(&self, step: Step) -> Slot {
        self.series.calendar.slot(step)
    }

    /// The value a week before a step, by the clocks of the city.
    pub fn week_before(&self, step: Step) -> Option<f64> {
        self.get(self.series.calendar.weeks_before(step, 1))
    }

    /// The value this many steps before the origin.
    pub fn lag(&self, steps: i64) -> Option<f64> {
        self.get(self.origin.plus(-steps))
    }
}

/// The port for models: what is learnt from a detector's history becomes a [`Forecaster`]. The same history gives the
/// same forecaster, on any machine.
pub trait Model: Send + Sync {
    /// Stable name, kebab-case.
    fn name(&self) -> &'static str;

    /// Whether it is a baseline that others have to beat.
    fn is_naive(&self) -> bool {
        false
    }

    /// Learns from the past, up to its origin.
    fn fit(&self, past: Past<'_>) -> Box<dyn Forecaster>;
}

/// A model that has learnt from one detector's history.
pub trait Forecaster: Send + Sync {
    /// Values of the steps after the origin.
    fn forecast(&self, past: Past<'_>) -> Forecast;
}

/// Every model, the naive ones first.
pub fn models() -> Vec<Box<dyn Model>> {
    vec![Box::new(LastValue), Box::new(SameTimeLastWeek), Box::new(ProfileDecay), Box::new(Ridge::default())]
}

/// Steps after the origin, in the order of a forecast.
fn ahead() -> impl Iterator<Item = i64> {
    1..=i64::try_from(HORIZONS).unwrap_or(12)
}

/// A forecast made horizon by horizon.
fn each(value: impl Fn(i64) -> Option<f64>) -> Forecast {
    let mut forecast = [None; HORIZONS];
    for (slot, horizon) in forecast.iter_mut().zip(ahead()) {
        *slot = value(horizon);
    }
    forecast
}

#[cfg(test)]
mod tests;
