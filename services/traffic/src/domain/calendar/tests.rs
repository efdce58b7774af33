//! Days of 23, 24 and 25 hours, and weeks across them.

use kvartal_kernel::Timestamp;
use proptest::prelude::*;

use super::Calendar;
use crate::domain::step::{STEPS_PER_WEEK, Slot, Step};

fn step(text: &str) -> Step {
    Step::of(Timestamp::parse(text).unwrap())
}

fn slot(weekday: u16, hour: u16, minute: u16) -> Slot {
    Slot(weekday * 288 + hour * 12 + minute / 5)
}

#[test]
fn universal_time_is_the_default() {
    let calendar = Calendar::default();
    assert_eq!(calendar.slot(step("2026-11-23T00:00:00Z")), Slot(0), "a Monday");
    assert_eq!(calendar.slot(step("2026-11-22T23:55:00Z")), Slot(2015));
    assert_eq!(calendar, Calendar::default());
    assert!(Calendar::named("Mars/Olympus").is_err());
}

#[test]
fn moscow_is_three_hours_ahead_and_was_four_for_some_years() {
    let moscow = Calendar::named("Europe/Moscow").unwrap();
    assert_eq!(moscow.slot(step("2026-11-22T21:00:00Z")), slot(0, 0, 0));
    assert_eq!(moscow.slot(step("2012-03-01T05:00:00Z")), slot(3, 9, 0));
    // On 2014-10-26 the clocks went back for good.
    let after = step("2014-10-27T06:00:00Z");
    assert_eq!(moscow.slot(after), slot(0, 9, 0));
    assert_eq!(moscow.weeks_before(after, 1), step("2014-10-20T05:00:00Z"));
}

#[test]
fn days_have_23_and_25_hours_when_the_clocks_change() {
    let berlin = Calendar::named("Europe/Berlin").unwrap();
    let length = |text: &str| {
        let day = berlin.day(step(text));
        berlin.midnight(day + 1).0 - berlin.midnight(day).0
    };
    assert_eq!(length("2026-03-28T12:00:00Z"), 24 * 12);
    assert_eq!(length("2026-03-29T12:00:00Z"), 23 * 12);
    assert_eq!(length("2026-10-25T12:00:00Z"), 25 * 12);
    // Two o'clock is leapt over, and comes twice in autumn.
    assert_eq!(berlin.slot(step("2026-03-29T00:55:00Z")), slot(6, 1, 55));
    assert_eq!(berlin.slot(step("2026-03-29T01:00:00Z")), slot(6, 3, 0));
    assert_eq!(berlin.slot(step("2026-10-25T00:30:00Z")), berlin.slot(step("2026-10-25T01:30:00Z")));
}

#[test]
fn the_same_time_last_week_is_what_the_clocks_showed() {
    let berlin = Calendar::named("Europe/Berlin").unwrap();
    // Eight o'clock in summer and in winter.
    assert_eq!(berlin.weeks_before(step("2026-03-30T06:00:00Z"), 1), step("2026-03-23T07:00:00Z"));
    assert_eq!(berlin.weeks_before(step("2026-10-26T07:00:00Z"), 1), step("2026-10-19T06:00:00Z"));
    assert_eq!(berlin.weeks_before(step("2026-10-26T07:00:00Z"), 30), step("2026-03-30T06:00:00Z"));
    // Half past two a week after the hour that comes twice: its first time. A week after the one leapt over: when it was over.
    assert_eq!(berlin.weeks_before(step("2026-11-01T01:30:00Z"), 1), step("2026-10-25T00:30:00Z"));
    assert_eq!(berlin.slot(berlin.weeks_before(step("2026-04-05T00:30:00Z"), 1)), slot(6, 3, 30));
}

proptest! {
    #[test]
    fn every_day_holds_its_steps(at in 3_200_000_i64..8_000_000) {
        for name in ["Europe/Moscow", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe"] {
            let calendar = Calendar::named(name).unwrap();
            let day = calendar.day(Step(at));
            prop_assert!(calendar.midnight(day) <= Step(at) && Step(at) < calendar.midnight(day + 1));
            let before = calendar.weeks_before(Step(at), 1);
            prop_assert!((at - before.0 - STEPS_PER_WEEK).abs() <= 12);
        }
    }
}
