//! Five-minute steps: the grid on which states, jams, profiles and forecasts are computed.

use std::time::Duration;

use kvartal_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// Length of a step.
pub const STEP: Duration = Duration::from_mins(5);
/// Steps of a day.
pub const STEPS_PER_DAY: i64 = 288;
/// Steps of a week.
pub const STEPS_PER_WEEK: i64 = 7 * STEPS_PER_DAY;

const STEP_MICROS: i64 = 300_000_000;
/// 1970-01-01 was a Thursday: three days after a Monday.
const EPOCH_SLOT: i64 = 3 * STEPS_PER_DAY;

/// A step: the `n`th five minutes since 1970, UTC; it holds what was measured from its start up to the next one's.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[serde(transparent)]
pub struct Step(pub i64);

impl Step {
    /// The step that a moment lies in.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.0.div_euclid(STEP_MICROS))
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(STEP_MICROS))
    }

    /// When it ends and the next one begins.
    pub fn end(self) -> Timestamp {
        self.plus(1).start()
    }

    /// This many steps later; earlier when negative.
    pub fn plus(self, steps: i64) -> Self {
        Self(self.0.saturating_add(steps))
    }
}

/// A weekday and five minutes of it; which it is at a step, the [`super::calendar::Calendar`] knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slot(pub u16);

impl Slot {
    /// Slots of a week.
    pub const COUNT: usize = 2016;
    /// Slots of a day.
    pub const PER_DAY: usize = 288;

    /// What clocks show that have counted so many steps since 1970.
    pub fn of_shown(steps: i64) -> Self {
        let slot = (steps + EPOCH_SLOT).rem_euclid(STEPS_PER_WEEK);
        // Between 0 and 2015.
        Self(u16::try_from(slot).unwrap_or(0))
    }

    /// 0 for Monday to 6 for Sunday.
    pub fn weekday(self) -> usize {
        usize::from(self.0) / Self::PER_DAY
    }

    /// Five minutes of the day, 0 to 287.
    pub fn of_day(self) -> usize {
        usize::from(self.0) % Self::PER_DAY
    }

    /// Saturday or Sunday.
    pub fn is_weekend(self) -> bool {
        self.weekday() >= 5
    }
}
