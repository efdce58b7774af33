//! What is stored is what a replay gives, from whatever moment it starts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Outcome, Tracker};
use crate::domain::city::{City, CitySegment, Measured, Placed, SegmentName};
use crate::domain::congestion::Level;
use crate::domain::history::History;
use crate::domain::jam::{JamEvent, Rule};
use crate::domain::step::Step;

const COUNT: usize = 8;

fn name(number: usize) -> SegmentName {
    SegmentName(format!("s{number}"))
}

/// One road of eight segments of half a mile, with a detector on each; the first half in one district.
fn road() -> City {
    let segment = |number: usize| {
        let next = if number + 1 < COUNT { vec![name(number + 1)] } else { Vec::new() };
        let segment = CitySegment {
            length_m: 804.672,
            lanes: 2,
            limit_kmh: 100.0,
            free_flow_kmh: 100.0,
            district: if number < 4 { "west".to_owned() } else { String::new() },
            corridor: "M1-N".to_owned(),
            offset_m: 804.672 * f64::from(u32::try_from(number).unwrap()),
            next,
            name: format!("segment {number}"),
            place: None,
        };
        (name(number), segment)
    };
    let placed =
        (0..COUNT).map(|number| Placed { detector: format!("d{number}"), segment: name(number), offset_m: 0.0 });
    City::new((0..COUNT).map(segment).collect(), placed.collect())
}

fn measured(speeds: &[Option<f64>]) -> BTreeMap<String, Measured> {
    let measured = |(number, speed): (usize, &Option<f64>)| {
        speed.map(|speed| (format!("d{number}"), Measured { speed_kmh: Some(speed), ..Measured::default() }))
    };
    speeds.iter().enumerate().filter_map(measured).collect()
}

fn run(city: &City, tracker: &mut Tracker, first: i64, steps: &[Vec<Option<f64>>]) -> Vec<Outcome> {
    (first..).zip(steps).map(|(step, speeds)| tracker.step(city, Step(step), &city.see(&measured(speeds)))).collect()
}

#[test]
fn a_queue_behind_a_bottleneck_is_found_by_every_rule() {
    let city = road();
    let free = vec![Some(100.0); COUNT];
    let mut jammed = free.clone();
    jammed[4..7].fill(Some(20.0));
    let mut steps = vec![free.clone(); 3];
    steps.extend(vec![jammed; 12]);
    steps.extend(vec![free; 6]);
    let outcomes = run(&city, &mut Tracker::default(), 0, &steps);
    let events: Vec<(usize, Rule, &JamEvent)> = outcomes
        .iter()
        .enumerate()
        .flat_map(|(step, outcome)| outcome.jam_events.iter().map(move |(rule, event)| (step, *rule, event)))
        .collect();
    let found = |rule: Rule| -> Vec<(usize, &JamEvent)> {
        events.iter().filter(|(_, by, _)| *by == rule).map(|(step, _, event)| (*step, *event)).collect()
    };
    let by_state = found(Rule::SegmentState);
    assert!(matches!(by_state[0], (4, JamEvent::Started(jam)) if jam.segments.len() == 3 && jam.start == Step(4)));
    assert!(matches!(by_state[1], (17, JamEvent::Ended { end: Step(17), .. })), "three steps beyond the margin");
    let by_pems = found(Rule::PemsBottleneck);
    assert!(matches!(by_pems[0], (7, JamEvent::Started(jam)) if jam.start == Step(3)), "the fifth of seven");
    let JamEvent::Started(queue) = by_pems[0].1 else { panic!("it started") };
    assert!((queue.queue_m - 1_609.344).abs() < 1e-6, "three stations, two half-miles apart");
    assert!(matches!(by_pems[1], (17, JamEvent::Ended { end: Step(15), .. })), "the first of three misses");
    let warnings: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.warnings).collect();
    let slow = warnings.iter().find(|warning| warning.rule == Rule::SlowTraffic).unwrap();
    assert_eq!((slow.start, &slow.segment, &slow.compared), (Step(3), &name(4), &name(3)), "below 30 mph at once");
    let worst = outcomes[10].scores.iter().find(|scored| scored.district.is_empty()).unwrap();
    // Three of eight take five times as long: q = 8 / 20.
    assert!((worst.score.value - 10.0 * 0.6 / 0.75).abs() < 1e-9, "{worst:?}");
    let west = outcomes[10].scores.iter().find(|scored| scored.district == "west").unwrap();
    assert!(west.score.value.abs() < 1e-9, "the queue lies elsewhere");
}

#[test]
fn rules_of_freeways_say_nothing_of_streets() {
    let mut segments = road().segments().clone();
    segments.values_mut().for_each(|segment| (segment.limit_kmh, segment.free_flow_kmh) = (60.0, 60.0));
    let placed = |number: usize| Placed { detector: format!("d{number}"), segment: name(number), offset_m: 0.0 };
    let city = City::new(segments, (0..COUNT).map(placed).collect());
    // 40 mph are more than what is allowed here.
    let mut jammed = vec![Some(60.0); COUNT];
    jammed[4..7].fill(Some(8.0));
    let outcomes = run(&city, &mut Tracker::default(), 0, &vec![jammed; 12]);
    let rules: Vec<Rule> = outcomes.iter().flat_map(|outcome| &outcome.jam_events).map(|(rule, _)| *rule).collect();
    assert_eq!(rules, [Rule::SegmentState]);
    assert!(outcomes.iter().all(|outcome| outcome.warnings.is_empty()));
}

/// What is open after a queue was found on segments 4 to 6, and what the next step in another city ends.
fn after_a_change(changed: &City) -> (Tracker, Outcome) {
    let mut jammed = vec![Some(100.0); COUNT];
    jammed[4..7].fill(Some(20.0));
    let mut tracker = Tracker::default();
    let found = run(&road(), &mut tracker, 0, &vec![jammed.clone(); 12]);
    assert!(found.iter().any(|outcome| outcome.jams.iter().any(|jam| jam.rule == Rule::PemsBottleneck)));
    let next = run(changed, &mut tracker, 12, &[jammed]).remove(0);
    (tracker, next)
}

fn changed(change: impl FnOnce(&mut BTreeMap<SegmentName, CitySegment>)) -> City {
    let mut segments = road().segments().clone();
    change(&mut segments);
    let placed = |number: usize| Placed { detector: format!("d{number}"), segment: name(number), offset_m: 0.0 };
    City::new(segments, (0..COUNT).map(placed).collect())
}

#[test]
fn bottlenecks_and_warnings_end_where_the_rules_of_freeways_apply_no_more() {
    let street = changed(|segments| segments.values_mut().for_each(|segment| segment.limit_kmh = 60.0));
    let elsewhere = changed(|segments| segments.retain(|segment, _| *segment < name(4)));
    let off_corridor = changed(|segments| segments.values_mut().for_each(|segment| segment.corridor.clear()));
    for city in [street, elsewhere, off_corridor] {
        let (tracker, outcome) = after_a_change(&city);
        let ended = outcome.jam_events.iter().filter(|(rule, event)| {
            *rule == Rule::PemsBottleneck && matches!(event, JamEvent::Ended { end: Step(12), into: None, .. })
        });
        assert_eq!(ended.count(), 1, "{outcome:?}");
        assert!(outcome.jams.iter().all(|jam| jam.rule != Rule::PemsBottleneck));
        assert!(!outcome.warnings.is_empty() && outcome.warnings.iter().all(|warning| warning.end == Some(Step(12))));
        assert!(tracker.queues.is_empty() && tracker.warnings.is_empty() && tracker.bottlenecks.is_empty());
    }
}

#[test]
fn a_bottleneck_goes_on_when_something_else_changes() {
    let faster = changed(|segments| segments.values_mut().for_each(|segment| segment.limit_kmh = 110.0));
    let (_, outcome) = after_a_change(&faster);
    assert!(outcome.jams.iter().any(|jam| jam.rule == Rule::PemsBottleneck));
    assert!(outcome.warnings.is_empty(), "{outcome:?}");
}

#[test]
fn detectors_of_one_segment_are_one_station_weighted_by_what_they_counted() {
    let segments = road().segments().clone();
    let placed = |detector: &str| Placed { detector: detector.to_owned(), segment: name(0), offset_m: 10.0 };
    let city = City::new(segments, vec![placed("a"), placed("b")]);
    let at = |speed, vehicles| Measured { speed_kmh: Some(speed), vehicles, occupancy: None };
    let see = |a, b| {
        let measured = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        city.see(&measured)[&name(0)].speed_kmh.unwrap()
    };
    assert!((see(at(60.0, Some(30.0)), at(20.0, Some(10.0))) - 50.0).abs() < 1e-9);
    assert!((see(at(60.0, Some(30.0)), at(20.0, None)) - 40.0).abs() < 1e-9, "one did not count");
}

fn steps() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
    let speed = prop_oneof![6 => (5.0..110.0_f64).prop_map(Some), 3 => Just(Some(20.0)), 1 => Just(None)];
    prop::collection::vec(prop::collection::vec(speed, COUNT), 1..60)
}

proptest! {
    /// The levels that the stored changes give for any step are those of a replay up to it.
    #[test]
    fn the_state_at_a_time_is_that_of_a_replay_up_to_it(steps in steps(), at in 0_usize..60) {
        let city = road();
        let mut history = History::default();
        for outcome in run(&city, &mut Tracker::default(), 0, &steps) {
            outcome.levels.into_iter().for_each(|change| history.push(change));
        }
        let at = at.min(steps.len() - 1);
        let mut replay = Tracker::default();
        run(&city, &mut replay, 0, &steps[..=at]);
        let replayed: BTreeMap<SegmentName, Level> =
            (0..COUNT).filter_map(|number| Some((name(number), replay.level(&name(number))?))).collect();
        prop_assert_eq!(history.at(Step(i64::try_from(at).unwrap())), replayed);
    }

    /// Going on from what was stored of a tracker gives what never stopping gives; late readings therefore change nothing
    /// but what follows from them.
    #[test]
    fn a_stored_tracker_goes_on_as_if_it_had_never_stopped(steps in steps(), cut in 0_usize..60) {
        let city = road();
        let cut = cut.min(steps.len());
        let whole = run(&city, &mut Tracker::default(), 0, &steps);
        let mut tracker = Tracker::default();
        run(&city, &mut tracker, 0, &steps[..cut]);
        let stored = serde_json::to_string(&tracker).unwrap();
        let mut restored: Tracker = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&restored, &tracker);
        let rest = run(&city, &mut restored, i64::try_from(cut).unwrap(), &steps[cut..]);
        prop_assert_eq!(&rest[..], &whole[cut..]);
    }

    /// A city in which nobody measures anything is forgotten after a few steps.
    #[test]
    fn silence_ends_everything(steps in steps()) {
        let city = road();
        let mut tracker = Tracker::default();
        run(&city, &mut tracker, 0, &steps);
        let first = i64::try_from(steps.len()).unwrap();
        run(&city, &mut tracker, first, &vec![vec![None; COUNT]; 8]);
        prop_assert!(tracker.is_idle(), "{tracker:?}");
    }
}
