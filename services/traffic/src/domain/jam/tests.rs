//! Jams start, grow, merge, fall apart, shrink and end; every state follows from what is congested.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{JamEvent, JamId, Jams, Road, Rule, parts};
use crate::domain::city::SegmentName;
use crate::domain::step::Step;

/// Segments 0, 1, 2 … one behind the other, 100 m each.
struct Lane;

fn segment(number: u32) -> SegmentName {
    SegmentName(format!("{number:03}"))
}

impl Road for Lane {
    fn neighbours(&self, segment: &SegmentName) -> Vec<SegmentName> {
        let number: u32 = segment.0.parse().unwrap();
        [number.checked_sub(1), Some(number + 1)].into_iter().flatten().map(self::segment).collect()
    }

    fn length_m(&self, _: &SegmentName) -> f64 {
        100.0
    }
}

fn congested(numbers: &[u32]) -> BTreeSet<SegmentName> {
    numbers.iter().map(|number| segment(*number)).collect()
}

/// What happened, in words.
fn told(events: &[JamEvent]) -> Vec<String> {
    let word = |event: &JamEvent| match event {
        JamEvent::Started(jam) => format!("started {}", jam.queue_m),
        JamEvent::Grown(jam) => format!("grown {}", jam.queue_m),
        JamEvent::Shrunk(jam) => format!("shrunk {}", jam.queue_m),
        JamEvent::Ended { jam, into, .. } => {
            format!("ended {}{}", jam.queue_m, if into.is_some() { " in another" } else { "" })
        }
    };
    events.iter().map(word).collect()
}

#[test]
fn a_jam_lives_from_start_to_end() {
    let mut jams = Jams::default();
    let mut step = |at: i64, numbers: &[u32]| told(&jams.step(Step(at), &congested(numbers), &Lane));
    assert_eq!(step(0, &[5]), ["started 100"]);
    assert_eq!(step(1, &[5]), Vec::<String>::new());
    assert_eq!(step(2, &[4, 5, 6]), ["grown 300"]);
    assert_eq!(step(3, &[4, 5, 6, 9]), ["started 100"]);
    assert_eq!(step(4, &[4, 5, 6, 7, 8, 9]), ["ended 100 in another", "grown 600"]);
    assert_eq!(step(5, &[4, 8, 9]), ["shrunk 200", "started 100"], "the longer part goes on");
    assert_eq!(step(6, &[]), ["ended 200", "ended 100"]);
}

#[test]
fn the_oldest_jam_goes_on_and_remembers_its_peak() {
    let mut jams = Jams::default();
    jams.step(Step(0), &congested(&[9]), &Lane);
    jams.step(Step(1), &congested(&[1, 2, 3, 9]), &Lane);
    let events = jams.step(Step(2), &congested(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), &Lane);
    let oldest = JamId::of(Rule::SegmentState, Step(0), &segment(9));
    assert!(matches!(&events[0], JamEvent::Ended { into: Some(into), .. } if *into == oldest));
    jams.step(Step(3), &congested(&[9]), &Lane);
    let jam = jams.open().next().unwrap();
    assert_eq!((jam.id, jam.start, jam.queue_m, jam.peak_m), (oldest, Step(0), 100.0, 900.0));
}

proptest! {
    /// After each step the open jams are exactly the parts that hang together, whatever came before; and what was told
    /// adds up to them.
    #[test]
    fn open_jams_are_the_connected_parts(steps in prop::collection::vec(prop::collection::btree_set(0_u32..24, 0..16), 1..30)) {
        let mut jams = Jams::default();
        let mut heard = BTreeMap::new();
        for (at, numbers) in (0..).zip(steps) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let set = congested(&numbers);
            for event in jams.step(Step(at), &set, &Lane) {
                match event {
                    JamEvent::Started(jam) => prop_assert!(heard.insert(jam.id, jam).is_none()),
                    JamEvent::Grown(jam) | JamEvent::Shrunk(jam) => prop_assert!(heard.insert(jam.id, jam).is_some()),
                    JamEvent::Ended { jam, into, .. } => {
                        prop_assert_eq!(heard.remove(&jam.id), Some(jam));
                        if let Some(into) = into {
                            prop_assert!(jams.open().any(|jam| jam.id == into));
                        }
                    }
                }
            }
            let open: BTreeMap<_, _> = jams.open().map(|jam| (jam.id, jam.clone())).collect();
            prop_assert_eq!(&open, &heard);
            let mut of_jams: Vec<_> = jams.open().map(|jam| jam.segments.clone()).collect();
            of_jams.sort();
            let mut connected = parts(&set, &Lane);
            connected.sort();
            prop_assert_eq!(of_jams, connected);
        }
    }
}
