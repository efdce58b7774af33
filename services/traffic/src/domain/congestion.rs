//! How congested a segment is: free, moderate, heavy or standstill, with a rule that keeps it from flapping.
//!
//! The bounds are shares of the free-flow speed. Those of *moderate* (0.67) and *heavy* (0.40) are the bounds of the
//! service levels B/C and D/E for urban streets in the Highway Capacity Manual (2010, exhibit 16-4); *standstill* (0.15)
//! is ours. Leaving a state takes [`MARGIN`] more than entering it.

use serde::{Deserialize, Serialize};

/// Share of the free-flow speed that has to be exceeded by this much before a state gets better.
pub const MARGIN: f64 = 0.05;
/// Steps in a row that have to ask for a worse state.
pub const WORSEN_STEPS: u8 = 2;
/// Steps in a row that have to ask for a better state.
pub const IMPROVE_STEPS: u8 = 3;
/// Steps in a row without a value after which nothing is known.
pub const SILENT_STEPS: u8 = 3;

/// Occupancy, as a share of time, from which a lane without measured speed is moderate, heavy or standing.
const OCCUPANCY_BOUNDS: [f64; 3] = [0.12, 0.20, 0.40];
/// Below this occupancy the road is nearly empty: a slow vehicle is no jam, so nothing worse than moderate.
const EMPTY_OCCUPANCY: f64 = 0.03;

/// How congested.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Level {
    /// At least 0.67 of the free-flow speed.
    Free,
    /// Below it.
    Moderate,
    /// Below 0.40.
    Heavy,
    /// Below 0.15.
    Standstill,
}

impl Level {
    /// Every level, from the best to the worst.
    pub const ALL: [Self; 4] = [Self::Free, Self::Moderate, Self::Heavy, Self::Standstill];

    /// The share of the free-flow speed below which this level begins; infinite for free.
    pub fn bound(self) -> f64 {
        match self {
            Self::Free => f64::INFINITY,
            Self::Moderate => 0.67,
            Self::Heavy => 0.40,
            Self::Standstill => 0.15,
        }
    }

    /// Whether it belongs to a jam.
    pub fn is_jam(self) -> bool {
        self >= Self::Heavy
    }

    /// The number in storage, 1 to 4.
    pub fn number(self) -> i16 {
        match self {
            Self::Free => 1,
            Self::Moderate => 2,
            Self::Heavy => 3,
            Self::Standstill => 4,
        }
    }

    /// From the number in storage.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }
}

/// What a step measured on a segment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sample {
    /// Speed as a share of the free-flow speed.
    pub speed_ratio: Option<f64>,
    /// Share of time that a detector is covered, 0 to 1.
    pub occupancy: Option<f64>,
}

impl Sample {
    /// The level that this sample alone would mean; `margin` is added to the bounds. `None` when nothing was measured.
    ///
    /// Speed decides. Without speed (nobody crosses a detector in a standing queue) occupancy does; with a nearly empty
    /// road nothing is worse than moderate.
    pub fn level(self, margin: f64) -> Option<Level> {
        let by_speed = self.speed_ratio.map(|ratio| worst(|level| ratio < level.bound() + margin));
        let by_occupancy = self.occupancy.map(|occupancy| {
            // A higher occupancy is worse: the margin pulls the bounds down.
            let reached = |bound: f64| occupancy >= bound * (1.0 - margin);
            let levels = [Level::Moderate, Level::Heavy, Level::Standstill];
            levels.into_iter().zip(OCCUPANCY_BOUNDS).filter(|(_, bound)| reached(*bound)).map(|(level, _)| level).max()
        });
        match (by_speed, by_occupancy, self.occupancy) {
            (Some(level), _, Some(occupancy)) if occupancy < EMPTY_OCCUPANCY => Some(level.min(Level::Moderate)),
            (Some(level), ..) => Some(level),
            (None, Some(level), _) => Some(level.unwrap_or(Level::Free)),
            (None, None, _) => None,
        }
    }
}

fn worst(fulfilled: impl Fn(Level) -> bool) -> Level {
    Level::ALL.into_iter().rev().find(|level| fulfilled(*level)).unwrap_or(Level::Free)
}

/// The state of one segment, step by step.
///
/// * A worse level is taken when [`WORSEN_STEPS`] samples in a row ask for one: the mildest of those they ask for.
/// * A better level is taken when [`IMPROVE_STEPS`] samples in a row ask for one even with [`MARGIN`] added to the bounds:
///   the worst of those they ask for.
/// * A sample that asks for neither, or a step without one, starts the counting anew; after [`SILENT_STEPS`] steps without
///   a sample nothing is known, and the next sample is believed at once.
///
/// So two changes are never closer than two steps, and a way back to free takes three. What the rule remembers are at
/// most two samples since the last change, which is why [`Hysteresis::resume`] needs no more.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
pub struct Hysteresis {
    level: Option<Level>,
    worse: Run,
    better: Run,
    silent: u8,
}

/// Samples in a row that ask for a change in one direction.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
struct Run {
    steps: u8,
    /// The level nearest to the present one that they asked for.
    level: Option<Level>,
}

impl Run {
    fn extend(&mut self, asked: Option<Level>, nearer: fn(Level, Level) -> Level) {
        *self = match asked {
            Some(asked) => {
                let level = self.level.map_or(asked, |level| nearer(level, asked));
                Self { steps: self.steps + 1, level: Some(level) }
            }
            None => Self::default(),
        };
    }
}

impl Hysteresis {
    /// The machine as it is after a change to `level` and these samples since, oldest first; only the last two matter.
    pub fn resume(level: Option<Level>, since_change: &[Sample]) -> Self {
        let mut machine = Self { level, ..Self::default() };
        let remembered = usize::from(SILENT_STEPS.max(IMPROVE_STEPS)) - 1;
        let from = since_change.len().saturating_sub(remembered);
        for sample in &since_change[from..] {
            machine.step(*sample);
        }
        machine
    }

    /// The present level; `None` when nothing is known.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// Takes a step's sample; the new level when it changed.
    pub fn step(&mut self, sample: Sample) -> Option<Option<Level>> {
        let Some(asked) = sample.level(0.0) else { return self.silence() };
        self.silent = 0;
        let Some(present) = self.level else { return Some(self.change(Some(asked))) };
        let asked_safely = sample.level(MARGIN).unwrap_or(asked);
        self.worse.extend((asked > present).then_some(asked), Level::min);
        self.better.extend((asked_safely < present).then_some(asked_safely), Level::max);
        if self.worse.steps >= WORSEN_STEPS {
            Some(self.change(self.worse.level))
        } else if self.better.steps >= IMPROVE_STEPS {
            Some(self.change(self.better.level))
        } else {
            None
        }
    }

    fn silence(&mut self) -> Option<Option<Level>> {
        self.worse = Run::default();
        self.better = Run::default();
        self.silent = self.silent.saturating_add(1).min(SILENT_STEPS);
        (self.silent >= SILENT_STEPS && self.level.is_some()).then(|| self.change(None))
    }

    fn change(&mut self, level: Option<Level>) -> Option<Level> {
        *self = Self { level, ..Self::default() };
        level
    }
}

#[cfg(test)]
mod tests;
