//! What is typical.

use super::Profile;
use crate::domain::step::Slot;

/// Monday, 2024-01-01 00:00 UTC.
const MONDAY: i64 = 1_704_067_200 / 300;

fn slot(steps: i64) -> Slot {
    Slot::of_shown(steps)
}

#[test]
fn slots_know_their_weekday_and_time() {
    assert_eq!(slot(MONDAY), Slot(0));
    assert_eq!(slot(MONDAY + 288 + 1), Slot(289));
    assert!(slot(MONDAY + 5 * 288).is_weekend());
    assert_eq!(slot(MONDAY - 1), Slot(2015));
}

#[test]
fn several_weeks_make_typical_weekdays_and_one_makes_a_typical_day() {
    let mut profile = Profile::default();
    let mut week = |number: i64| {
        for step in 0..2016 {
            let value = if step < 288 { 20.0 } else { 60.0 };
            profile.add(slot(MONDAY + number * 2016 + step), value);
        }
        profile.clone()
    };
    let noon = Slot(144);
    let one = week(0).typical(noon).unwrap();
    assert!((one.value - 52.0).abs() < 1e-9, "one Monday among five working days: {one:?}");
    let two = week(1).typical(noon).unwrap();
    assert!((two.value - 20.0).abs() < 1e-9, "two Mondays say what a Monday is: {two:?}");
    assert_eq!(two.count, 14);
}

#[test]
fn a_value_is_smoothed_over_a_quarter_of_an_hour_each_way() {
    let mut profile = Profile::default();
    for step in 0..2016 {
        profile.add(slot(MONDAY + step), if step % 288 == 144 { 70.0 } else { 0.0 });
    }
    for (slot, value) in [(140, 0.0), (141, 10.0), (144, 10.0), (147, 10.0), (148, 0.0)] {
        assert!((profile.typical(Slot(slot)).unwrap().value - value).abs() < 1e-9, "slot {slot}");
    }
    assert_eq!(Profile::default().typical(Slot(0)), None);
}
