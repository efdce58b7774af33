//! The city as the rules of congestion see it: segments, how they hang together, and the stations along each road.
//!
//! The detectors of one segment are one *station*: its speed is the mean of theirs, weighted by the vehicles they counted.
//! Stations of a corridor lie at their distance from its beginning, in the direction of travel.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::congestion::Sample;
use super::jam::Road;

/// Metres of a mile.
pub const MILE_M: f64 = 1_609.344;

/// A speed in miles per hour, to the thousandth: speeds are stored in whole metres per hour, which is finer, and so a
/// speed that was sent in miles per hour is compared with thresholds as it was sent.
pub fn mph(kmh: f64) -> f64 {
    (kmh * 1_000.0 / MILE_M * 1_000.0).round() / 1_000.0
}

/// What the outside world calls a segment.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[serde(transparent)]
pub struct SegmentName(pub String);

/// A segment as the rules need it.
#[derive(Clone, PartialEq, Debug)]
pub struct CitySegment {
    /// Metres.
    pub length_m: f64,
    /// Lanes.
    pub lanes: u32,
    /// What is allowed, km/h.
    pub limit_kmh: f64,
    /// The speed at free flow, km/h: as it was learnt, or what is allowed.
    pub free_flow_kmh: f64,
    /// Where it lies; empty outside all districts.
    pub district: String,
    /// The road and direction that it is a part of; empty for none.
    pub corridor: String,
    /// Where it begins along the corridor, metres.
    pub offset_m: f64,
    /// Segments that one can drive on to.
    pub next: Vec<SegmentName>,
    /// What people would say.
    pub name: String,
    /// From its first point to its last.
    pub place: Option<Place>,
}

/// Where something lies, degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    /// Latitude and longitude of its end in the direction of travel.
    pub head: (f64, f64),
    /// South-west corner.
    pub low: (f64, f64),
    /// North-east corner.
    pub high: (f64, f64),
}

impl Place {
    /// Of points in the direction of travel.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let head = *points.last()?;
        let around = |low: (f64, f64), high: (f64, f64), point: &(f64, f64)| {
            ((low.0.min(point.0), low.1.min(point.1)), (high.0.max(point.0), high.1.max(point.1)))
        };
        let (low, high) = points.iter().fold((head, head), |(low, high), point| around(low, high, point));
        Some(Self { head, low, high })
    }

    /// The box about both, with this one's head.
    pub fn and(self, other: Self) -> Self {
        let low = (self.low.0.min(other.low.0), self.low.1.min(other.low.1));
        let high = (self.high.0.max(other.high.0), self.high.1.max(other.high.1));
        Self { low, high, ..self }
    }

    /// Whether it touches the box between these corners.
    pub fn touches(&self, low: (f64, f64), high: (f64, f64)) -> bool {
        self.low.0 <= high.0 && self.high.0 >= low.0 && self.low.1 <= high.1 && self.high.1 >= low.1
    }
}

/// What people should know of where a jam is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Whereabouts {
    /// Its segments, from its head against the traffic.
    pub segments: Vec<SegmentName>,
    /// The corridor that all of them are on; empty otherwise.
    pub corridor: String,
    /// The name of its head.
    pub name: String,
    /// The districts it touches.
    pub districts: Vec<String>,
    /// Where; `None` when nobody said.
    pub place: Option<Place>,
}

/// A detector on a segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// The detector.
    pub detector: String,
    /// Its segment.
    pub segment: SegmentName,
    /// How far from the beginning of the segment, metres.
    pub offset_m: f64,
}

/// A segment with detectors, on a corridor.
#[derive(Clone, PartialEq, Debug)]
pub struct Station {
    /// The segment.
    pub segment: SegmentName,
    /// Miles from the beginning of the corridor.
    pub mile: f64,
}

/// What a detector measured in a step.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Measured {
    /// Mean speed, km/h.
    pub speed_kmh: Option<f64>,
    /// Share of time, 0 to 1.
    pub occupancy: Option<f64>,
    /// Vehicles.
    pub vehicles: Option<f64>,
}

/// What a segment was like in a step.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Seen {
    /// Mean speed, km/h.
    pub speed_kmh: Option<f64>,
    /// Share of time, 0 to 1.
    pub occupancy: Option<f64>,
    /// Vehicles, of all lanes together.
    pub vehicles: Option<f64>,
}

/// The city.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct City {
    segments: BTreeMap<SegmentName, CitySegment>,
    neighbours: BTreeMap<SegmentName, BTreeSet<SegmentName>>,
    detectors: BTreeMap<SegmentName, Vec<String>>,
    corridors: BTreeMap<String, Vec<Station>>,
}

impl City {
    /// Puts it together. Detectors on segments that are not there are left out.
    pub fn new(segments: BTreeMap<SegmentName, CitySegment>, placed: Vec<Placed>) -> Self {
        let mut neighbours: BTreeMap<SegmentName, BTreeSet<SegmentName>> = BTreeMap::new();
        for (id, segment) in &segments {
            for next in &segment.next {
                // Two segments that lead to each other are the two directions of one road: no queue turns round there.
                let Some(other) = segments.get(next).filter(|other| !other.next.contains(id)) else { continue };
                if other.corridor == segment.corridor || !is_reverse(&other.corridor, &segment.corridor) {
                    neighbours.entry(id.clone()).or_default().insert(next.clone());
                    neighbours.entry(next.clone()).or_default().insert(id.clone());
                }
            }
        }
        let mut places: BTreeMap<SegmentName, Vec<Placed>> = BTreeMap::new();
        for placed in placed.into_iter().filter(|placed| segments.contains_key(&placed.segment)) {
            places.entry(placed.segment.clone()).or_default().push(placed);
        }
        let mut corridors: BTreeMap<String, Vec<Station>> = BTreeMap::new();
        for (id, placed) in &places {
            let Some(segment) = segments.get(id).filter(|segment| !segment.corridor.is_empty()) else { continue };
            let count = u32::try_from(placed.len()).unwrap_or(u32::MAX);
            let within = placed.iter().map(|placed| placed.offset_m).sum::<f64>() / f64::from(count);
            let mile = (segment.offset_m + within) / MILE_M;
            corridors.entry(segment.corridor.clone()).or_default().push(Station { segment: id.clone(), mile });
        }
        for stations in corridors.values_mut() {
            stations.sort_by(|a, b| a.mile.total_cmp(&b.mile).then_with(|| a.segment.cmp(&b.segment)));
        }
        let name = |placed: Vec<Placed>| placed.into_iter().map(|placed| placed.detector).collect();
        let detectors = places.into_iter().map(|(id, placed)| (id, name(placed))).collect();
        Self { segments, neighbours, detectors, corridors }
    }

    /// A segment.
    pub fn segment(&self, id: &SegmentName) -> Option<&CitySegment> {
        self.segments.get(id)
    }

    /// Every segment.
    pub fn segments(&self) -> &BTreeMap<SegmentName, CitySegment> {
        &self.segments
    }

    /// Stations by corridor, in the direction of travel.
    pub fn corridors(&self) -> impl Iterator<Item = &[Station]> {
        self.corridors.values().map(Vec::as_slice)
    }

    /// Detectors of a segment.
    pub fn detectors(&self, segment: &SegmentName) -> &[String] {
        self.detectors.get(segment).map_or(&[], Vec::as_slice)
    }

    /// Where these segments are.
    pub fn whereabouts(&self, segments: &BTreeSet<SegmentName>) -> Whereabouts {
        let mut known: Vec<(&SegmentName, &CitySegment)> =
            segments.iter().filter_map(|id| self.segments.get_key_value(id)).collect();
        known.sort_by(|(_, a), (_, b)| a.corridor.cmp(&b.corridor).then(b.offset_m.total_cmp(&a.offset_m)));
        let head = known.first().map(|(_, segment)| *segment);
        let corridor = head.map(|head| head.corridor.clone()).unwrap_or_default();
        let alone = known.iter().all(|(_, segment)| segment.corridor == corridor);
        let districts: BTreeSet<&String> = known.iter().map(|(_, segment)| &segment.district).collect();
        Whereabouts {
            segments: known.iter().map(|(id, _)| (*id).clone()).collect(),
            corridor: if alone { corridor } else { String::new() },
            name: head.map(|head| head.name.clone()).unwrap_or_default(),
            districts: districts.into_iter().filter(|district| !district.is_empty()).cloned().collect(),
            place: known.iter().filter_map(|(_, segment)| segment.place).reduce(Place::and),
        }
    }

    /// Segments with detectors.
    pub fn observed(&self) -> impl Iterator<Item = &SegmentName> {
        self.detectors.keys()
    }

    /// What the detectors say about their segments.
    pub fn see(&self, measured: &BTreeMap<String, Measured>) -> BTreeMap<SegmentName, Seen> {
        let see = |(segment, detectors): (&SegmentName, &Vec<String>)| {
            let values: Vec<Measured> =
                detectors.iter().filter_map(|detector| measured.get(detector)).copied().collect();
            let seen = Seen {
                speed_kmh: mean(values.iter().filter_map(|value| Some((value.speed_kmh?, value.vehicles)))),
                occupancy: mean(values.iter().filter_map(|value| Some((value.occupancy?, None)))),
                vehicles: values.iter().filter_map(|value| value.vehicles).reduce(|sum, vehicles| sum + vehicles),
            };
            (seen != Seen::default()).then(|| (segment.clone(), seen))
        };
        self.detectors.iter().filter_map(see).collect()
    }

    /// A segment's sample for its state.
    pub fn sample(&self, segment: &SegmentName, seen: Seen) -> Sample {
        let free_flow = self.segments.get(segment).map_or(1.0, |segment| segment.free_flow_kmh.max(1.0));
        Sample { speed_ratio: seen.speed_kmh.map(|speed| speed / free_flow), occupancy: seen.occupancy }
    }
}

/// The mean, weighted by vehicles where all of the detectors counted some.
fn mean(values: impl Iterator<Item = (f64, Option<f64>)>) -> Option<f64> {
    let values: Vec<(f64, Option<f64>)> = values.collect();
    let counted = values.iter().all(|(_, vehicles)| vehicles.is_some_and(|vehicles| vehicles > 0.0));
    let weight = |vehicles: Option<f64>| if counted { vehicles.unwrap_or(1.0) } else { 1.0 };
    let weights: f64 = values.iter().map(|(_, vehicles)| weight(*vehicles)).sum();
    (weights > 0.0).then(|| values.iter().map(|(value, vehicles)| value * weight(*vehicles)).sum::<f64>() / weights)
}

/// Whether two corridors are the directions of one road, such as `M11-N` and `M11-S`.
fn is_reverse(a: &str, b: &str) -> bool {
    matches!((a.rsplit_once('-'), b.rsplit_once('-')), (Some((a, _)), Some((b, _))) if a == b && !a.is_empty())
}

impl Road for City {
    fn neighbours(&self, segment: &SegmentName) -> Vec<SegmentName> {
        self.neighbours.get(segment).into_iter().flatten().cloned().collect()
    }

    fn length_m(&self, segment: &SegmentName) -> f64 {
        self.segments.get(segment).map_or(0.0, |segment| segment.length_m)
    }
}
