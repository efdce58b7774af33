//! How fast a segment is driven when nobody is in the way: learnt from readings by the rule of the Federal Highway
//! Administration's Urban Congestion Report ("Documentation and Definitions", 2014 and later).
//!
//! It is the 85th percentile of the speeds of off-peak times: Monday to Friday 9:00 to 16:00 and 19:00 to 22:00, Saturday and
//! Sunday 6:00 to 22:00, by the clocks of the city. Ours are the limits: at least [`DAYS_MIN`] days and [`VALUES_MIN`] values,
//! of the last [`WEEKS`] weeks, and no more than [`SHARE`] of what is allowed away from it, because a detector that is wrong
//! must not declare a jam to be normal. Where there is not enough, what is allowed stands for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::calendar::Calendar;
use super::step::{Slot, Step};
use super::typical::quantiles;

/// What is looked back at.
pub const WEEKS: i64 = 4;
/// Days with off-peak values that are needed.
pub const DAYS_MIN: usize = 5;
/// Values that are needed: 24 hours of five minutes.
pub const VALUES_MIN: usize = 288;
/// Shares of what is allowed that are believed.
pub const SHARE: RangeInclusive<f64> = 0.6..=1.25;

/// Whether the slot is off-peak.
pub fn is_off_peak(slot: Slot) -> bool {
    let hour = slot.of_day() / 12;
    if slot.is_weekend() { (6..22).contains(&hour) } else { (9..16).contains(&hour) || (19..22).contains(&hour) }
}

/// The speed at free flow, from the speeds of a segment; `None` when there are not enough.
pub fn learn(calendar: &Calendar, speeds: &BTreeMap<Step, f64>, allowed_kmh: f64) -> Option<f64> {
    let off_peak = || speeds.iter().filter(|(step, _)| is_off_peak(calendar.slot(**step)));
    let days: BTreeSet<i64> = off_peak().map(|(step, _)| calendar.day(*step)).collect();
    let values: Vec<f64> = off_peak().map(|(_, speed)| *speed).collect();
    if days.len() < DAYS_MIN || values.len() < VALUES_MIN {
        return None;
    }
    let usual = quantiles(values)?.high;
    let (least, most) = (SHARE.start() * allowed_kmh, SHARE.end() * allowed_kmh);
    // To the tenth: what changes less is noise.
    Some((usual.clamp(least, most) * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    //! The rule, and its limits.

    use super::*;

    /// Two weeks from a Monday on: this speed off-peak, that one else.
    fn weeks(off_peak: f64, peak: f64, days: i64) -> BTreeMap<Step, f64> {
        let monday = 1_704_067_200 / 300;
        let speed = |step: i64| {
            let calm = is_off_peak(Calendar::default().slot(Step(step)));
            (Step(step), if calm { off_peak } else { peak })
        };
        (monday..monday + days * 288).map(speed).collect()
    }

    #[test]
    fn off_peak_is_what_the_report_says() {
        let at = |day: u16, hour: u16| is_off_peak(Slot(day * 288 + hour * 12));
        let hours = |day| (0..24).filter(|hour| at(day, *hour)).collect::<Vec<_>>();
        assert_eq!(hours(0), [9, 10, 11, 12, 13, 14, 15, 19, 20, 21]);
        assert_eq!(hours(4), hours(0));
        assert_eq!(hours(5), (6..22).collect::<Vec<_>>());
        assert_eq!(hours(6), hours(5));
    }

    #[test]
    fn what_is_driven_off_peak_counts_and_the_rush_does_not() {
        let learnt = |off_peak, peak| learn(&Calendar::default(), &weeks(off_peak, peak, 14), 100.0);
        assert_eq!(learnt(83.04, 10.0), Some(83.0));
        assert_eq!(learnt(83.04, 140.0), Some(83.0));
        let mut mixed = weeks(80.0, 10.0, 14);
        // Every fourth value is slower: 85 % lie below the others all the same.
        mixed.iter_mut().filter(|(step, _)| step.0 % 4 == 0).for_each(|(_, speed)| *speed = 30.0);
        assert_eq!(learn(&Calendar::default(), &mixed, 100.0), Some(80.0));
    }

    #[test]
    fn it_stays_near_what_is_allowed_and_needs_several_days() {
        let calendar = Calendar::default();
        assert_eq!(learn(&calendar, &weeks(12.0, 12.0, 14), 100.0), Some(60.0));
        assert_eq!(learn(&calendar, &weeks(190.0, 190.0, 14), 100.0), Some(125.0));
        assert_eq!(learn(&calendar, &weeks(80.0, 80.0, 4), 100.0), None, "four days are too few");
        let sparse = weeks(80.0, 80.0, 14).into_iter().step_by(24).collect();
        assert_eq!(learn(&calendar, &sparse, 100.0), None, "two values an hour are too few");
        assert_eq!(learn(&calendar, &BTreeMap::new(), 100.0), None);
    }
}
