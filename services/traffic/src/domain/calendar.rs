//! Days and weeks as the clocks of the city show them, summer time included.
//!
//! Steps are five minutes of universal time and know nothing of days. People drive by the clock on the wall: what is typical
//! for Monday, eight o'clock, what it was like at this time last week, and where a day begins is asked here.

use std::sync::Arc;

use chrono::{DateTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::Tz;
use kvartal_kernel::Error;

use super::step::{STEPS_PER_DAY, STEPS_PER_WEEK, Slot, Step};

/// Changes of the clocks are known from 2000, the time of the first reading that is taken,
const FIRST_DAY: i64 = 10_957;
/// to 2100; what comes later goes by the clocks of that year.
const LAST_DAY: i64 = 47_482;
const DAY_S: i64 = 86_400;
const STEP_S: i64 = 300;

/// The clocks of a city.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    name: Arc<str>,
    /// From when on the clocks are how many seconds ahead of universal time.
    offsets: Arc<[(i64, i64)]>,
}

impl Default for Calendar {
    /// Universal time.
    fn default() -> Self {
        Self { name: "UTC".into(), offsets: [(i64::MIN, 0)].into() }
    }
}

impl Calendar {
    /// By the name in the database of time zones, such as `Europe/Moscow`.
    pub fn named(name: &str) -> Result<Self, Error> {
        let zone: Tz = name.parse().map_err(|_| {
            Error::invalid("time_zone", format!("{name} is no time zone; it is a name such as Europe/Moscow"))
        })?;
        let offset = |seconds: i64| {
            let moment = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
            i64::from(zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc())
        };
        let mut now = offset(FIRST_DAY * DAY_S);
        let mut offsets = vec![(i64::MIN, now)];
        for day in FIRST_DAY..LAST_DAY {
            let (mut before, mut after) = (day * DAY_S, (day + 1) * DAY_S);
            let next = offset(after);
            if next == now {
                continue;
            }
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if offset(middle) == now { before = middle } else { after = middle }
            }
            offsets.push((after, next));
            now = next;
        }
        Ok(Self { name: name.into(), offsets: offsets.into() })
    }

    /// The name of the time zone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many seconds the clocks are ahead of universal time.
    fn offset(&self, seconds: i64) -> i64 {
        let after = self.offsets.partition_point(|(from, _)| *from <= seconds);
        self.offsets[after.saturating_sub(1)].1
    }

    /// What the clocks show at a step, in steps since 1970.
    fn shown(&self, step: Step) -> i64 {
        step.0 + self.offset(step.start().seconds()).div_euclid(STEP_S)
    }

    /// The step at which the clocks show this for the first time; what they leap over is shown when they have leapt.
    fn first(&self, shown: i64) -> Step {
        let seconds = shown * STEP_S;
        // Before a change and after it; the earlier one that is true.
        let candidates = [seconds - DAY_S, seconds + DAY_S].map(|near| Step((seconds - self.offset(near)) / STEP_S));
        let [before, after] = candidates;
        let (early, late) = (before.min(after), before.max(after));
        if self.shown(early) == shown { early } else { late }
    }

    /// The weekday and the five minutes of it.
    pub fn slot(&self, step: Step) -> Slot {
        Slot::of_shown(self.shown(step))
    }

    /// The day, in days since 1970.
    pub fn day(&self, step: Step) -> i64 {
        self.shown(step).div_euclid(STEPS_PER_DAY)
    }

    /// The first step of a day.
    pub fn midnight(&self, day: i64) -> Step {
        self.first(day * STEPS_PER_DAY)
    }

    /// When the clocks showed the same so many weeks before.
    pub fn weeks_before(&self, step: Step, weeks: i64) -> Step {
        self.first(self.shown(step) - weeks * STEPS_PER_WEEK)
    }
}

#[cfg(test)]
mod tests;
