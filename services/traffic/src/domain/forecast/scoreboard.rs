//! How far forecasts were from what really happened, by model and horizon, and who may be served.
//!
//! Every error is counted twice: the model's own, and that of the last value for the same detector and time. A model is
//! served when it was measured [`ENOUGH`] times at each of [`TOLD`] and its mean absolute error there is smaller than the
//! last value's **on the same cases**, and relative to it smaller than that of the same time last week: whoever loses to a
//! naive forecast is switched off until it wins again.

use std::collections::{BTreeMap, BTreeSet};

/// Horizons that are told and that decide who serves, steps: 15, 30, 45 and 60 minutes.
pub const TOLD: [usize; 4] = [3, 6, 9, 12];
/// The other naive model.
const LAST_WEEK: &str = "same-time-last-week";
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
    /// How often there was an interval.
    pub intervals: u64,
    /// How often the value lay within it.
    pub covered: u64,
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
    /// Whether the value lay within the interval that was told, if one was.
    pub covered: Option<bool>,
}

impl Tally {
    /// Counts an error.
    pub fn add(&mut self, error: Error) {
        self.count += 1;
        self.absolute += error.own.abs();
        self.squared += error.own * error.own;
        self.naive += error.naive.abs();
        self.intervals += u64::from(error.covered.is_some());
        self.covered += u64::from(error.covered == Some(true));
        *self.bins.entry(bin(error.own)).or_default() += 1;
    }

    /// Takes in what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.naive += other.naive;
        self.intervals += other.intervals;
        self.covered += other.covered;
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

    /// The part of the values that lay within their interval.
    pub fn coverage(&self) -> Option<f64> {
        (self.intervals > 0).then(|| real(self.covered) / real(self.intervals))
    }

    /// Error as a share of the last value's in the same cases: below 1 it is better.
    pub fn share(&self) -> f64 {
        if self.naive > 0.0 { self.absolute / self.naive } else { 1.0 }
    }

    /// The interval about a forecast in which 80 % of what happened lay; `None` while too little was measured.
    pub fn interval(&self, forecast: f64) -> Option<(f64, f64)> {
        let enough = self.count >= ENOUGH;
        let (low, high) = (self.quantile(0.1)?, self.quantile(0.9)?);
        enough.then(|| ((forecast + low).max(0.0), (forecast + high).max(0.0)))
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

    /// Whether a model is better at a horizon than both naive ones, each compared with the last value in its own cases.
    pub fn beats_naive(&self, model: &str, horizon: usize) -> bool {
        let Some(own) = self.get(model, horizon).filter(|tally| tally.count >= ENOUGH) else { return false };
        let week = self.get(LAST_WEEK, horizon).filter(|tally| tally.count >= ENOUGH);
        own.share() < 1.0 && week.is_none_or(|week| model == LAST_WEEK || own.share() < week.share())
    }

    /// The model that serves: of those that beat the naive ones at 15, 30, 45 and 60 minutes the one with the smallest error.
    pub fn serving(&self) -> Option<&str> {
        let names: BTreeSet<&str> = self.tallies.keys().map(|(model, _)| model.as_str()).collect();
        let fit = |model: &&str| TOLD.iter().all(|horizon| self.beats_naive(model, *horizon));
        let error = |model: &str| -> f64 { TOLD.iter().filter_map(|at| self.get(model, *at)).map(Tally::share).sum() };
        names.into_iter().filter(fit).min_by(|a, b| error(a).total_cmp(&error(b)))
    }

    /// The tally of a model at a horizon, if something was counted.
    pub fn get(&self, model: &str, horizon: usize) -> Option<&Tally> {
        self.tallies.get(&(model.to_owned(), horizon))
    }
}
