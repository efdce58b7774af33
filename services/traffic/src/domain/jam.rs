//! Jams: connected congested segments that start, grow, merge, split, shrink and end.
//!
//! At each step the congested segments form parts that hang together along the road. A part keeps the jam it shares most
//! road with; when several jams meet in one part, the oldest goes on and the others end in it; when a jam falls apart, its
//! longest part goes on and the others begin as new jams. Segments flap no faster than [`super::congestion::Hysteresis`]
//! lets them, so jams need no patience of their own.

use std::collections::{BTreeMap, BTreeSet};

use kvartal_kernel::Uuid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::city::SegmentName;
use super::step::Step;

/// A jam. Its id follows from where and when it began, so computing a time once more finds the same jams.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[serde(transparent)]
pub struct JamId(pub Uuid);

impl JamId {
    /// The jam that a rule found to begin at this step with this segment: a UUIDv7 of the step's time, whose other bits are
    /// a digest of rule and segment.
    pub fn of(rule: Rule, start: Step, first: &SegmentName) -> Self {
        let millis = u64::try_from(start.start().0 / 1_000).unwrap_or(0).to_be_bytes();
        let digest = Sha256::new().chain_update([rule.number()]).chain_update(first.0.as_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6..].copy_from_slice(&digest[..10]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(Uuid::from_bytes(bytes))
    }
}

/// The rule that found a jam or a warning.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Connected segments that are heavy or worse ([`super::congestion`]).
    SegmentState,
    /// [`super::bottleneck`].
    PemsBottleneck,
    /// [`super::slow_traffic`].
    SlowTraffic,
}

impl Rule {
    /// Every rule, by number.
    pub const ALL: [Self; 3] = [Self::SegmentState, Self::PemsBottleneck, Self::SlowTraffic];

    /// The number in the contract and in storage.
    pub fn number(self) -> u8 {
        match self {
            Self::SegmentState => 1,
            Self::PemsBottleneck => 2,
            Self::SlowTraffic => 3,
        }
    }

    /// From the number in the contract or in storage; `None` for 0 and for unknown ones.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| i32::from(rule.number()) == number)
    }
}

/// A jam as it is at one step.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Jam {
    /// Its id.
    pub id: JamId,
    /// The step it began with.
    pub start: Step,
    /// The segments that stand.
    pub segments: BTreeSet<SegmentName>,
    /// How much road stands, metres.
    pub queue_m: f64,
    /// The most it ever was, metres.
    pub peak_m: f64,
}

/// What a step did to a jam.
#[derive(Clone, PartialEq, Debug)]
pub enum JamEvent {
    /// It began.
    Started(Jam),
    /// Other segments belong to it, or as many; it is longer.
    Grown(Jam),
    /// Other segments belong to it; it is not longer.
    Shrunk(Jam),
    /// It is over with this step. `into` goes on where it became part of another.
    Ended {
        /// As it was at last.
        jam: Jam,
        /// The first step without it.
        end: Step,
        /// The jam it became part of.
        into: Option<JamId>,
    },
}

impl JamEvent {
    /// The jam it is about.
    pub fn jam(&self) -> &Jam {
        match self {
            Self::Started(jam) | Self::Grown(jam) | Self::Shrunk(jam) | Self::Ended { jam, .. } => jam,
        }
    }
}

/// How the road hangs together.
pub trait Road {
    /// Segments that vehicles of this one go on to or come from.
    fn neighbours(&self, segment: &SegmentName) -> Vec<SegmentName>;
    /// Metres.
    fn length_m(&self, segment: &SegmentName) -> f64;
}

/// The jams of a step, from which those of the next follow.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct Jams {
    open: BTreeMap<JamId, Jam>,
}

impl Jams {
    /// Goes on from these.
    pub fn resume(open: impl IntoIterator<Item = Jam>) -> Self {
        Self { open: open.into_iter().map(|jam| (jam.id, jam)).collect() }
    }

    /// Those that last.
    pub fn open(&self) -> impl Iterator<Item = &Jam> {
        self.open.values()
    }

    /// Takes the segments that are congested at a step; what that did, first what ended, each kind by id.
    pub fn step(&mut self, step: Step, congested: &BTreeSet<SegmentName>, road: &dyn Road) -> Vec<JamEvent> {
        let parts = parts(congested, road);
        let (kept, merged) = self.assign(&parts, road);
        let mut ended = Vec::new();
        let mut others = Vec::new();
        let mut before = std::mem::take(&mut self.open);
        for (part, id) in parts.into_iter().zip(kept) {
            let queue_m = thousandths(part.iter().map(|segment| road.length_m(segment)).sum());
            let Some(was) = id.and_then(|id| before.remove(&id)) else {
                let Some(first) = part.first() else { continue };
                let id = JamId::of(Rule::SegmentState, step, first);
                let jam = Jam { id, start: step, segments: part, queue_m, peak_m: queue_m };
                others.push(JamEvent::Started(jam.clone()));
                self.open.insert(id, jam);
                continue;
            };
            let changed = was.segments != part;
            let longer = queue_m > was.queue_m;
            let jam = Jam { segments: part, queue_m, peak_m: was.peak_m.max(queue_m), ..was };
            if changed {
                others.push(if longer { JamEvent::Grown(jam.clone()) } else { JamEvent::Shrunk(jam.clone()) });
            }
            self.open.insert(jam.id, jam);
        }
        for (id, jam) in before {
            ended.push(JamEvent::Ended { jam, end: step, into: merged.get(&id).copied() });
        }
        others.sort_by_key(|event| event.jam().id);
        ended.extend(others);
        ended
    }

    /// Which jam each part goes on with, and which jams end in which others.
    fn assign(&self, parts: &[BTreeSet<SegmentName>], road: &dyn Road) -> (Vec<Option<JamId>>, BTreeMap<JamId, JamId>) {
        // Where each jam goes on: the part with which it shares most road, the first of equals.
        let mut heirs: Vec<Vec<&Jam>> = vec![Vec::new(); parts.len()];
        for jam in self.open.values() {
            let mut best: Option<(usize, f64)> = None;
            for (index, part) in parts.iter().enumerate() {
                let shared: f64 = part.intersection(&jam.segments).map(|segment| road.length_m(segment)).sum();
                if part.intersection(&jam.segments).next().is_some() && best.is_none_or(|(_, most)| shared > most) {
                    best = Some((index, shared));
                }
            }
            if let Some((index, _)) = best {
                heirs[index].push(jam);
            }
        }
        let mut merged = BTreeMap::new();
        let oldest = |jams: &Vec<&Jam>| {
            let oldest = jams.iter().min_by_key(|jam| (jam.start, jam.id)).map(|jam| jam.id)?;
            merged.extend(jams.iter().filter(|jam| jam.id != oldest).map(|jam| (jam.id, oldest)));
            Some(oldest)
        };
        let kept = heirs.iter().map(oldest).collect();
        (kept, merged)
    }
}

/// A number to the thousandth: metres to the millimetre. So short a number is the same after it was written as text and
/// read again, which what is remembered from step to step has to be.
pub(super) fn thousandths(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Congested segments that hang together, by their first segment.
fn parts(congested: &BTreeSet<SegmentName>, road: &dyn Road) -> Vec<BTreeSet<SegmentName>> {
    let mut left = congested.clone();
    let mut parts = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut part = BTreeSet::from([first.clone()]);
        let mut open = vec![first];
        while let Some(segment) = open.pop() {
            for neighbour in road.neighbours(&segment) {
                if left.remove(&neighbour) {
                    part.insert(neighbour.clone());
                    open.push(neighbour);
                }
            }
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests;
