//! Models do not look ahead, follow their formulas and are switched off when they lose.

use kvartal_kernel::Timestamp;
use proptest::prelude::*;

use super::{ENOUGH, Error, LastValue, Model, ProfileDecay, SameTimeLastWeek, Scoreboard, Series, TOLD, Tally, models};
use crate::domain::calendar::Calendar;
use crate::domain::step::Step;

fn daily(noise: impl Fn(i64) -> f64, steps: i64) -> Series {
    let value = |step: i64| Some(60.0 - if step % 288 > 90 && step % 288 < 120 { 30.0 } else { 0.0 } + noise(step));
    Series::new(Step(0), (0..steps).map(value).collect())
}

#[test]
fn the_last_value_is_kept_and_not_when_it_is_old() {
    let series = Series::new(Step(0), vec![Some(50.0), None, None, None]);
    let at = |step| LastValue.fit(series.up_to(Step(step))).forecast(series.up_to(Step(step)));
    assert_eq!(at(2), [Some(50.0); 12]);
    assert_eq!(at(3), [None; 12]);
}

#[test]
fn profiles_know_what_comes_and_half_a_deviation_is_left() {
    let series = daily(|_| 0.0, 4 * 288 + 85);
    let origin = series.last();
    for model in models().iter().filter(|model| !model.is_naive()) {
        let forecast = model.fit(series.up_to(origin)).forecast(series.up_to(origin));
        let soon = forecast[0].unwrap();
        let later = forecast[11].unwrap();
        assert!(soon > 50.0 && later < 35.0, "{} sees the peak come: {soon} then {later}", model.name());
    }
}

#[test]
fn the_hour_on_the_wall_counts_when_the_clocks_change() {
    let berlin = Calendar::named("Europe/Berlin").unwrap();
    // Five weeks, in the last of which summer time began: at each time of the day the same, by the clocks.
    let first = Step::of(Timestamp::parse("2026-02-25T00:00:00Z").unwrap());
    let origin = Step::of(Timestamp::parse("2026-03-30T06:00:00Z").unwrap());
    let busy = |step: Step| (90..120).contains(&berlin.slot(step).of_day());
    let value = |step: Step| if busy(step) { 30.0 } else { 60.0 };
    let values = (first.0..=origin.0).map(|step| Some(value(Step(step)))).collect();
    let series = Series::new(first, values).by(berlin.clone());
    let ahead: Vec<f64> = (1..=12).map(|horizon| value(origin.plus(horizon))).collect();
    let week = SameTimeLastWeek.fit(series.up_to(origin)).forecast(series.up_to(origin));
    assert_eq!(week.map(Option::unwrap).to_vec(), ahead);
    let utc = series.clone().by(Calendar::default());
    let week = SameTimeLastWeek.fit(utc.up_to(origin)).forecast(utc.up_to(origin));
    assert_ne!(week.map(Option::unwrap).to_vec(), ahead, "an hour late by universal time");
    let profile = ProfileDecay.fit(series.up_to(origin)).forecast(series.up_to(origin));
    let miss = profile.iter().zip(&ahead).map(|(said, is)| (said.unwrap() - is).abs()).fold(0.0, f64::max);
    assert!(miss < 15.0, "only the edges of the rush are smoothed: {miss}");
}

#[test]
fn a_model_that_loses_to_a_naive_one_is_switched_off() {
    let tally = |own: f64, naive: f64, count: u64| {
        let mut tally = Tally::default();
        (0..count).for_each(|_| tally.add(Error { own, naive, covered: None }));
        tally
    };
    let board = |models: &[(&str, Tally)]| {
        let mut board = Scoreboard::default();
        for (model, tally) in models {
            TOLD.iter().for_each(|horizon| *board.tally(model, *horizon) = tally.clone());
        }
        board
    };
    let last = ("last-value", tally(2.0, 2.0, 500));
    assert_eq!(board(std::slice::from_ref(&last)).serving(), None, "the last value does not beat itself");
    assert_eq!(board(&[last.clone(), ("new", tally(0.1, 2.0, ENOUGH - 1))]).serving(), None, "too little is known");
    assert_eq!(board(&[last.clone(), ("worse", tally(2.1, 2.0, 500))]).serving(), None);
    let good = ("good", tally(1.5, 2.0, 500));
    let better = ("better", tally(1.4, 2.0, ENOUGH));
    assert_eq!(board(&[last.clone(), good.clone(), better]).serving(), Some("better"));
    let week = ("same-time-last-week", tally(1.0, 2.0, 500));
    assert_eq!(board(&[last.clone(), good.clone(), week.clone()]).serving(), Some("same-time-last-week"));
    assert!(!board(&[last.clone(), good.clone(), week]).beats_naive("good", 3), "last week was nearer");
    let mut once = board(&[last, good]);
    *once.tally("good", 12) = tally(3.0, 2.0, 500);
    assert_eq!(once.serving(), None, "it must win at every horizon that is told");
}

proptest! {
    /// The quantiles hold the share they say, to the width of a bin.
    #[test]
    fn intervals_are_empirical_quantiles(errors in prop::collection::vec(-40.0..40.0_f64, 20..300)) {
        let mut tally = Tally::default();
        errors.iter().for_each(|error| tally.add(Error { own: *error, naive: 0.0, covered: None }));
        let count = f64::from(u32::try_from(errors.len()).unwrap());
        for share in [0.1, 0.5, 0.9] {
            let bound = tally.quantile(share).unwrap();
            let below = |limit: f64| f64::from(u32::try_from(errors.iter().filter(|e| **e <= limit).count()).unwrap());
            prop_assert!(below(bound + 0.25 + 1e-9) >= share * count);
            prop_assert!(below(bound - 0.25 - 1e-9) < share * count + 1e-9);
        }
        let absolute = errors.iter().map(|e| e.abs()).sum::<f64>() / count;
        prop_assert!((tally.mae().unwrap() - absolute).abs() < 1e-9);
    }

    /// What comes after the origin changes no forecast.
    #[test]
    fn no_model_looks_ahead(seed in 0_u32..1000, cut in 300_i64..600) {
        let noise = move |step: i64| f64::from(u32::try_from(step * 7_919 % 104_729).unwrap() % (seed + 2)) % 7.0;
        let whole = daily(noise, 800);
        let known = daily(noise, cut);
        for model in models() {
            let of_whole = model.fit(whole.up_to(Step(cut - 1))).forecast(whole.up_to(Step(cut - 1)));
            let of_known = model.fit(known.up_to(Step(cut - 1))).forecast(known.up_to(Step(cut - 1)));
            prop_assert_eq!(of_whole, of_known, "{}", model.name());
        }
    }
}
