//! Rules that need no database.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::block::{Block, Unreadable, hour_of};
use super::health::{Case, Rule, judge};
use super::reading::{DetectorNo, Outcome, Raw, Reading, Refusal, Values, Window};
use super::rollup::{self, Aggregate, Interval, aggregate, widen};

const HOUR: i32 = 500_000;
const START: i64 = HOUR as i64 * 3_600;

fn values() -> impl Strategy<Value = Values> {
    let some = |most: u32| proptest::option::of(0..most);
    (some(300_000), some(100_001), some(100_001), some(86_400_001))
        .prop_map(|(speed, occupancy, count, travel_time)| Values { speed, occupancy, count, travel_time })
}

fn readings() -> impl Strategy<Value = Vec<(i64, Values)>> {
    // Few seconds, so that the same time comes again and again.
    proptest::collection::vec(
        (0_i64..120).prop_map(|n| START + n * 30).prop_flat_map(|time| (Just(time), values())),
        0..200,
    )
}

/// The roll-up of what is left at the end, computed in another way: value by value.
fn recomputed(kept: &BTreeMap<i64, Values>, seconds: i64) -> BTreeMap<i64, Aggregate> {
    let mut all: BTreeMap<i64, Aggregate> = BTreeMap::new();
    for start in kept.keys().map(|time| time - time % seconds) {
        let inside: Vec<&Values> = kept.range(start..start + seconds).map(|(_, values)| values).collect();
        let stat = |of: fn(&Values) -> Option<u32>| {
            let values: Vec<u32> = inside.iter().filter_map(|values| of(values)).collect();
            rollup::Stat {
                samples: u32::try_from(values.len()).unwrap(),
                sum: values.iter().map(|value| u64::from(*value)).sum(),
                min: values.iter().copied().min().unwrap_or(0),
                max: values.iter().copied().max().unwrap_or(0),
            }
        };
        let aggregate = Aggregate {
            start,
            span: seconds,
            readings: u32::try_from(inside.len()).unwrap(),
            speed: stat(|v| v.speed),
            occupancy: stat(|v| v.occupancy),
            count: stat(|v| v.count),
            travel_time: stat(|v| v.travel_time),
        };
        all.insert(start, aggregate);
    }
    all
}

proptest! {
    #[test]
    fn rollups_are_a_recomputation_for_any_order_of_arrival(arriving in readings(), cut in 0_usize..200) {
        let (mut block, mut kept) = (Block::default(), BTreeMap::new());
        for (place, (time, values)) in arriving.iter().enumerate() {
            let outcome = block.put(*time, *values);
            let expected = match kept.insert(*time, *values) {
                None => Outcome::Accepted,
                Some(before) if before == *values => Outcome::Duplicate,
                Some(_) => Outcome::Corrected,
            };
            prop_assert_eq!(outcome, expected);
            if place == cut {
                // Stored and read again in between.
                block = Block::decode(HOUR, &block.encode()).unwrap();
            }
        }
        let fives = rollup::decode(HOUR, &rollup::encode(&block)).unwrap();
        for interval in [Interval::Five, Interval::Fifteen, Interval::Hour] {
            let expected: Vec<Aggregate> = recomputed(&kept, interval.seconds()).into_values().collect();
            prop_assert_eq!(widen(&fives, interval), expected.clone());
            prop_assert_eq!(aggregate(block.readings(), interval), expected);
        }
        // What is kept of an hour when the five minutes go is the hour.
        let hour = rollup::decode(HOUR, &rollup::encode_hour(&fives)).unwrap();
        prop_assert_eq!(widen(&hour, Interval::Hour), widen(&fives, Interval::Hour));
        prop_assert!(widen(&hour, Interval::Fifteen).is_empty());
    }

    #[test]
    fn shuffled_copies_give_the_same_bytes(arriving in readings().prop_flat_map(|all| {
        let distinct: BTreeMap<i64, Values> = all.into_iter().collect();
        let twice: Vec<(i64, Values)> = distinct.iter().chain(&distinct).map(|(time, values)| (*time, *values)).collect();
        (Just(distinct), Just(twice).prop_shuffle())
    })) {
        let (distinct, shuffled) = arriving;
        let fill = |all: &mut dyn Iterator<Item = (i64, Values)>| {
            let mut block = Block::default();
            all.for_each(|(time, values)| _ = block.put(time, values));
            block.encode()
        };
        prop_assert_eq!(fill(&mut distinct.into_iter()), fill(&mut shuffled.into_iter()));
    }

    #[test]
    fn what_is_no_block_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        // Whatever it is, it does not panic; what is read is written back as it was.
        if let Ok(block) = Block::decode(HOUR, &bytes) {
            prop_assert!(bytes.len() >= 4 && block.readings().len() <= 30);
        }
        let _ = rollup::decode(HOUR, &bytes);
    }
}

#[test]
fn an_hour_of_speeds_takes_76_bytes() {
    let mut block = Block::default();
    for n in 0..12 {
        block.put(START + n * 300, Values { speed: Some(60_000), ..Values::default() });
    }
    assert_eq!(block.encode().len(), 76);
    assert_eq!(Block::decode(HOUR, &block.encode()[..75]), Err(Unreadable));
    assert_eq!((hour_of(START), hour_of(START - 1), hour_of(-1)), (HOUR, HOUR - 1, -1));
}

#[test]
fn values_are_rounded_to_whole_units_and_checked() {
    let raw = Raw { speed_kmh: Some(99.846_39), ..Raw::default() };
    assert_eq!(raw.values().unwrap().speed, Some(99_846));
    let speed = |kmh| Raw { speed_kmh: Some(kmh), ..Raw::default() }.values();
    assert!(speed(0.0).is_ok() && speed(300.0).is_ok());
    for wrong in [-0.1, 300.1, f64::NAN, f64::INFINITY] {
        assert_eq!(speed(wrong), Err(Refusal::Speed));
    }
    assert_eq!(Raw::default().values(), Err(Refusal::NoValue));
    let window = Window { oldest: 2_000_000_000, newest: 2_000_000_100 };
    assert_eq!(window.check(1_999_999_999), Err(Refusal::TimeBeyondRetention));
    assert_eq!(window.check(2_000_000_101), Err(Refusal::TimeInFuture));
    assert_eq!(window.check(0), Err(Refusal::TimeTooOld));
}

/// The rules that a detector breaks which says this every five minutes, newest last.
fn broken(lane: u32, said: impl DoubleEndedIterator<Item = Values>) -> Vec<Rule> {
    let said: Vec<Values> = said.collect();
    let count = i64::try_from(said.len()).unwrap();
    let reading = |(place, values)| Reading { time: START + (place - count + 1) * 300, values, revision: 0 };
    let readings: Vec<Reading> = (0..).zip(said).map(reading).collect();
    let case = Case { detector: DetectorNo(1), period: 300, lane, readings: &readings, now: START };
    judge(&case).unwrap().into_iter().map(|finding| finding.rule).collect()
}

fn counts(counts: impl DoubleEndedIterator<Item = u32>) -> impl DoubleEndedIterator<Item = Values> {
    counts.map(|count| Values { count: Some(count), ..Values::default() })
}

fn occupancies(percent: impl DoubleEndedIterator<Item = u32>) -> impl DoubleEndedIterator<Item = Values> {
    percent.map(|percent| Values { occupancy: Some(percent * 1_000), ..Values::default() })
}

#[test]
fn no_hits_needs_four_hours_without_a_vehicle() {
    assert_eq!(broken(1, counts((0..48).map(|_| 0))), [Rule::NoHits]);
    assert_eq!(broken(1, counts((0..60).map(|n| u32::from(n == 11)))), [Rule::NoHits], "before the four hours");
    assert_eq!(broken(1, counts((0..60).map(|n| u32::from(n == 12)))), [], "within");
    assert_eq!(broken(1, counts((0..40).map(|_| 0))), [], "not long enough");
}

#[test]
fn chatter_is_more_than_a_lane_can_carry() {
    // 3,000 an hour are 250 in five minutes.
    assert_eq!(broken(1, counts([1, 250].into_iter())), []);
    assert_eq!(broken(1, counts([251, 1].into_iter())), [Rule::Chatter]);
    assert_eq!(broken(0, counts([1_000].into_iter())), [], "over all lanes together");
    assert_eq!(broken(0, counts([1_001].into_iter())), [Rule::Chatter]);
    let long_ago = std::iter::once(251).chain(std::iter::repeat_n(1, 12)).collect::<Vec<_>>();
    assert_eq!(broken(1, counts(long_ago.into_iter())), []);
}

#[test]
fn locked_on_needs_two_readings_of_100_percent_at_the_end() {
    assert_eq!(broken(1, occupancies([10, 100, 100].into_iter())), [Rule::LockedOn]);
    assert_eq!(broken(1, occupancies([10, 60, 100].into_iter())), []);
    assert_eq!(broken(1, occupancies([100, 100, 70].into_iter())), []);
}

#[test]
fn no_change_needs_a_day_of_the_same_value() {
    assert_eq!(broken(1, occupancies((0..288).map(|_| 7))), [Rule::NoChange]);
    assert_eq!(broken(1, occupancies((0..288).map(|n| if n == 5 { 8 } else { 7 }))), []);
    assert_eq!(broken(1, occupancies((0..280).map(|_| 7))), [], "not long enough");
    assert_eq!(broken(1, occupancies((0..288).map(|_| 0))), [], "an empty road is another rule's");
    let speeds = (0..288).map(|_| Values { speed: Some(70_000), ..Values::default() });
    assert_eq!(broken(1, speeds), [Rule::NoChange], "without occupancy by speed");
}

#[test]
fn a_spike_rises_by_fifty_points_and_falls_back_at_once() {
    assert_eq!(broken(1, occupancies([10, 60, 10].into_iter())), [Rule::OccupancySpike]);
    assert_eq!(broken(1, occupancies([10, 59, 5].into_iter())), []);
    assert_eq!(broken(1, occupancies([10, 70, 70, 10].into_iter())), []);
    let long_ago = [10, 60].into_iter().chain(std::iter::repeat_n(10, 13)).collect::<Vec<_>>();
    assert_eq!(broken(1, occupancies(long_ago.into_iter())), []);
}

#[test]
fn silence_counts_after_three_periods_and_is_forgotten_after_a_month() {
    let reading = Reading { time: START, values: Values { count: Some(1), ..Values::default() }, revision: 0 };
    let after = |seconds| {
        let readings = [reading];
        let case = Case { detector: DetectorNo(1), period: 600, lane: 1, readings: &readings, now: START + seconds };
        judge(&case).map(|found| found.into_iter().map(|finding| finding.rule).collect::<Vec<_>>())
    };
    assert_eq!(after(1_800), Some(vec![]));
    assert_eq!(after(1_801), Some(vec![Rule::Silent]));
    assert_eq!(after(30 * 86_400 + 1), None);
}
