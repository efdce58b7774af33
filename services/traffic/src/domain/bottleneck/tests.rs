//! The PeMS rule value by value.

use proptest::prelude::*;

use super::{Bottleneck, BottleneckEvent, BottleneckWatch, Heading, Mark, Post, marks, queue_miles};
use crate::domain::step::Step;

fn posts(values: &[(f64, f64)]) -> Vec<Post> {
    values.iter().map(|(postmile, speed)| Post { postmile: *postmile, speed: Some(*speed) }).collect()
}

#[test]
fn a_start_needs_less_than_40_and_a_drop_of_20_within_3_miles() {
    let start = |own: f64, from: f64, miles: f64| marks(Heading::North, &posts(&[(0.0, from), (miles, own)]))[1].start;
    assert!(start(39.9, 60.0, 2.9));
    assert!(start(39.9, 59.9, 2.9), "a drop of exactly 20");
    assert!(!start(39.9, 59.8, 2.9), "a drop of 19.9");
    assert!(!start(40.0, 65.0, 2.9), "40 is not below 40");
    assert!(!start(39.9, 65.0, 3.0), "3 miles are not less than 3 miles");
}

#[test]
fn north_and_east_look_back_and_south_and_west_look_ahead() {
    let slow_first = posts(&[(1.0, 30.0), (2.0, 60.0)]);
    let slow_last = posts(&[(1.0, 60.0), (2.0, 30.0)]);
    for (heading, slow) in [
        (Heading::North, &slow_last),
        (Heading::East, &slow_last),
        (Heading::South, &slow_first),
        (Heading::West, &slow_first),
    ] {
        let starts: Vec<bool> = marks(heading, slow).iter().map(|mark| mark.start).collect();
        assert_eq!(starts.iter().filter(|start| **start).count(), 1, "{heading:?}");
        let other = if heading.is_ascending() { &slow_first } else { &slow_last };
        assert!(marks(heading, other).iter().all(|mark| !mark.start), "{heading:?}: vehicles speed up there");
    }
}

#[test]
fn it_continues_while_it_and_a_neighbour_are_below_40() {
    let continues = |values: &[(f64, f64)], at: usize| marks(Heading::North, &posts(values))[at].continues;
    assert!(continues(&[(0.0, 39.0), (1.0, 39.0), (2.0, 60.0)], 1), "the one before is slow");
    assert!(continues(&[(0.0, 60.0), (1.0, 39.0), (2.0, 39.0)], 1), "the one after is slow");
    assert!(!continues(&[(0.0, 60.0), (1.0, 39.0), (2.0, 40.0)], 1), "nobody else is slow");
    assert!(!continues(&[(0.0, 39.0), (1.0, 40.0), (2.0, 39.0)], 1), "40 is not below 40");
    assert!(!continues(&[(0.0, 39.0), (3.0, 39.0), (4.0, 39.0)], 1), "where they come from is too far away");
    assert!(!continues(&[(0.0, 39.0), (1.0, 39.0)], 0), "vehicles come from nowhere that is known");
}

#[test]
fn what_is_not_measured_neither_starts_nor_continues() {
    let gap = [Post { postmile: 0.0, speed: Some(65.0) }, Post { postmile: 1.0, speed: None }];
    assert_eq!(marks(Heading::North, &gap)[1], Mark::default());
    let blind = [Post { postmile: 0.0, speed: None }, Post { postmile: 1.0, speed: Some(20.0) }];
    assert_eq!(marks(Heading::North, &blind)[1], Mark::default());
}

#[test]
fn it_is_declared_with_the_fifth_of_seven_and_ends_with_the_third_miss() {
    let both = Mark { start: true, continues: true };
    let on = Mark { start: false, continues: true };
    let off = Mark::default();
    let mut watch = BottleneckWatch::default();
    let days = [both, on, off, on, off, on];
    for (at, mark) in (0..).zip(days) {
        assert_eq!(watch.step(Step(at), mark), None);
    }
    let began = Bottleneck { start: Step(0), end: None };
    assert_eq!(watch.step(Step(6), on), Some(BottleneckEvent::Started(began)), "five of seven");
    for (at, mark) in (7..).zip([off, off, on, off, off]) {
        assert_eq!(watch.step(Step(at), mark), None, "two misses are tolerated");
    }
    let ended = Bottleneck { start: Step(0), end: Some(Step(10)) };
    assert_eq!(watch.step(Step(12), off), Some(BottleneckEvent::Ended(ended)), "it ended with the first of three");
}

#[test]
fn four_of_seven_are_not_enough() {
    let mut watch = BottleneckWatch::default();
    let both = Mark { start: true, continues: true };
    let on = Mark { start: false, continues: true };
    let off = Mark::default();
    for (at, mark) in (0..).zip([both, on, on, on, off, off, off, on, on, on]) {
        assert_eq!(watch.step(Step(at), mark), None);
    }
}

#[test]
fn the_queue_reaches_over_slow_neighbours_less_than_3_miles_apart() {
    let road = posts(&[(0.0, 60.0), (1.0, 30.0), (2.5, 20.0), (5.0, 39.0), (8.0, 10.0), (9.0, 60.0)]);
    assert!((queue_miles(&road, 2) - 4.0).abs() < 1e-9, "from 1.0 to 5.0; 8.0 is 3 miles on");
    assert!(queue_miles(&road, 4).abs() < 1e-9);
    assert!(queue_miles(&road, 0).abs() < 1e-9);
}

/// What the rule says, read backwards from the whole record: no window, no state.
pub(crate) fn brute_force(marks: &[Mark]) -> Vec<Bottleneck> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < marks.len() {
        let extent = marks[at..marks.len().min(at + 7)].iter().filter(|mark| mark.continues).count();
        if !marks[at].start || extent < 5 {
            at += 1;
            continue;
        }
        let misses = |from: usize| marks.len() >= from + 3 && marks[from..from + 3].iter().all(|mark| !mark.continues);
        let end = (at..marks.len()).find(|from| misses(*from));
        let step = |index: usize| Step(i64::try_from(index).unwrap());
        found.push(Bottleneck { start: step(at), end: end.map(step) });
        at = end.map_or(marks.len(), |end| end + 3);
    }
    found
}

/// The same from the machine.
pub(crate) fn by_machine(marks: &[Mark]) -> Vec<Bottleneck> {
    let mut watch = BottleneckWatch::default();
    let mut found: Vec<Bottleneck> = Vec::new();
    for (at, mark) in (0..).zip(marks) {
        match watch.step(Step(at), *mark) {
            Some(BottleneckEvent::Started(bottleneck)) => found.push(bottleneck),
            Some(BottleneckEvent::Ended(bottleneck)) => *found.last_mut().unwrap() = bottleneck,
            None => {}
        }
    }
    found
}

proptest! {
    #[test]
    fn the_machine_finds_what_the_whole_record_shows(
        marks in prop::collection::vec((prop::bool::weighted(0.3), prop::bool::weighted(0.7)), 0..120)
    ) {
        let marks: Vec<Mark> = marks.into_iter().map(|(start, continues)| Mark { start, continues }).collect();
        prop_assert_eq!(by_machine(&marks), brute_force(&marks));
    }
}
