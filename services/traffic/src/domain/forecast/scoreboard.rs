//! How far forecasts were from what really happened, by model and horizon, and who may be served.
//!
//! Every error is counted twice: the model's own, and that of the last value for the same detector and time. A model is
//! served at a horizon when it was measured [`ENOUGH`] times there and its mean absolute error is no larger than the last
//! value's **on the same cases**: whoever loses to the naive forecast is switched off until it wins again.

use std::collections::BTreeMap;

/// Errors without which nothing is said about a model.
pub const ENOUGH: u64 = 100;
/// Width of a bin of errors, in units of the value.
const BIN: f64 = 0.5;
/// Bins on each side of zero; larger errors go into the outermost.
const BINS: i16 = 200;

/// Errors of one model at one horizon.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Sum of their sizes.
    pub absolute: f64,
    /// Sum of their squares.
    pub squared: f64,
    /// Sum of the sizes of the last value's errors in the same cases.
    pub naive: f64,
    /// How often the value was so many bins above the forecast.
    pub bins: BTreeMap<i16, u64>,
}

/// What forecasts missed by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Error {
    /// Value minus forecast.
    pub own: f64,
    /// Value minus last value.
    pub naive: f64,
}

impl Tally {
    /// Counts an error.
    pub fn add(&mut self, error: Error) {
        self.count += 1;
        self.absolute += error.own.abs();
        self.squared += error.own * error.own;
        self.naive += error.naive.abs();
        *self.bins.entry(bin(error.own)).or_default() += 1;
    }

    /// Takes in what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.naive += other.naive;
        for (bin, count) in &other.bins {
            *self.bins.entry(*bin).or_default() += count;
        }
    }

    /// Mean absolute error.
    pub fn mae(&self) -> Option<f64> {
        self.mean(self.absolute)
    }

    /// Root of the mean squared error.
    pub fn rmse(&self) -> Option<f64> {
        self.mean(self.squared).map(f64::sqrt)
    }

    /// Mean absolute error of the last value in the same cases.
    pub fn naive_mae(&self) -> Option<f64> {
        self.mean(self.naive)
    }

    /// What this share of the errors lies below: the middle of its bin.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let wanted = share.clamp(0.0, 1.0) * real(self.count);
        let mut below = 0;
        let found = self.bins.iter().find(|(_, count)| {
            below += *count;
            real(below) >= wanted
        });
        found.or_else(|| self.bins.last_key_value()).map(|(bin, _)| f64::from(*bin) * BIN)
    }

    /// Whether the model may be served.
    pub fn standing(&self) -> Standing {
        if self.count < ENOUGH {
            Standing::Unmeasured
        } else if self.absolute <= self.naive {
            Standing::Served
        } else {
            Standing::Off
        }
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.count > 0).then(|| sum / real(self.count))
    }
}

fn bin(error: f64) -> i16 {
    let limit = f64::from(BINS);
    let clamped = (error / BIN).round().clamp(-limit, limit);
    (-BINS..=BINS).find(|bin| f64::from(*bin) >= clamped).unwrap_or(0)
}

/// Counts are far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of errors stay far below 2^53")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

/// Whether a model is served at a horizon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It was not measured often enough.
    Unmeasured,
    /// It does not lose to the last value.
    Served,
    /// It loses to the last value.
    Off,
}

/// Tallies by model and horizon.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scoreboard {
    tallies: BTreeMap<(String, usize), Tally>,
}

impl Scoreboard {
    /// The tally of a model at a horizon of so many steps; empty when nothing was counted.
    pub fn tally(&mut self, model: &str, horizon: usize) -> &mut Tally {
        self.tallies.entry((model.to_owned(), horizon)).or_default()
    }

    /// By model and horizon.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize, &Tally)> {
        self.tallies.iter().map(|((model, horizon), tally)| (model.as_str(), *horizon, tally))
    }

    /// The served model with the smallest mean absolute error relative to the last value's in the same cases.
    pub fn best(&self, horizon: usize) -> Option<(&str, &Tally)> {
        let served = self.iter().filter(|(_, at, tally)| *at == horizon && tally.standing() == Standing::Served);
        let share = |tally: &Tally| if tally.naive > 0.0 { tally.absolute / tally.naive } else { 1.0 };
        served.min_by(|(_, _, a), (_, _, b)| share(a).total_cmp(&share(b))).map(|(model, _, tally)| (model, tally))
    }
}
