//! The quickest way from one place on the network to another (Dijkstra 1959).

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::{Network, OnRoad, Segment, SegmentId};

/// Segments looked at before the search is given up: a city is searched whole, a country is not.
const SETTLED_MAX: usize = 50_000;

/// A way.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Way {
    /// Metres on the roads.
    pub distance_m: f64,
    /// Seconds.
    pub seconds: f64,
}

struct Open {
    seconds: f64,
    distance_m: f64,
    segment: SegmentId,
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        // The least first; equal ones by id, so that the way is the same every time.
        other.seconds.total_cmp(&self.seconds).then_with(|| other.segment.cmp(&self.segment))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl Network {
    /// The quickest way; `speed_kmh` says how fast each segment is. `None` when no way leads there.
    pub fn way(&self, from: &OnRoad, to: &OnRoad, speed_kmh: impl Fn(&Segment) -> f64) -> Option<Way> {
        let seconds = |metres: f64, segment: &Segment| metres * 3.6 / speed_kmh(segment).max(1.0);
        if from.segment.id == to.segment.id && to.offset_m >= from.offset_m {
            let distance_m = to.offset_m - from.offset_m;
            return Some(Way { distance_m, seconds: seconds(distance_m, &from.segment) });
        }
        // What is open is known up to the end of its segment.
        let rest = (from.segment.length_m - from.offset_m).max(0.0);
        let start = Open { seconds: seconds(rest, &from.segment), distance_m: rest, segment: from.segment.id };
        let mut open = BinaryHeap::from([start]);
        let mut settled: HashMap<SegmentId, ()> = HashMap::new();
        let mut best: Option<Way> = None;
        while let Some(at) = open.pop() {
            if best.is_some_and(|best| best.seconds <= at.seconds) || settled.len() >= SETTLED_MAX {
                break;
            }
            if settled.insert(at.segment, ()).is_some() {
                continue;
            }
            for next in self.next(at.segment) {
                if next.id == to.segment.id {
                    let metres = to.offset_m;
                    let way = Way { distance_m: at.distance_m + metres, seconds: at.seconds + seconds(metres, next) };
                    if best.is_none_or(|best| way.seconds < best.seconds) {
                        best = Some(way);
                    }
                }
                if !settled.contains_key(&next.id) {
                    open.push(Open {
                        seconds: at.seconds + seconds(next.length_m, next),
                        distance_m: at.distance_m + next.length_m,
                        segment: next.id,
                    });
                }
            }
        }
        best
    }
}
