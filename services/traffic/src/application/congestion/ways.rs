//! How long a way takes: as the speeds are, and as a driver will experience it.

use std::collections::BTreeMap;

use kvartal_kernel::{Error, Timestamp};

use super::desk::CongestionDesk;
use crate::domain::city::{City, MILE_M, Seen, SegmentName};
use crate::domain::step::Step;
use crate::domain::travel_time::{RouteStation, travel_time};

/// Steps that a driver may be on the way.
const LONGEST: i64 = 24;
/// Weeks that the usual time is made of.
const WEEKS: i64 = 4;

/// What is told of a way.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Way {
    /// Metres.
    pub length_m: f64,
    /// Seconds with the speeds of one moment.
    pub instantaneous_s: f64,
    /// Seconds with the speed that each segment has when one gets there.
    pub experienced_s: f64,
    /// Seconds at free flow.
    pub free_s: f64,
    /// Usual seconds.
    pub typical_s: Option<f64>,
    /// The part of the way whose speed is known.
    pub coverage: f64,
    /// Whether the stations lie close enough for the rule of IRIS.
    pub smoothed: bool,
}

type Speeds = BTreeMap<SegmentName, Seen>;

impl CongestionDesk {
    /// How long a way takes when one sets out at a time.
    pub async fn way(&self, names: &[SegmentName], depart: Timestamp) -> Result<Way, Error> {
        let city = self.city().await?;
        check(&city, names)?;
        let done = self.log.head().await?.done;
        let start = done.map_or(Step::of(depart), |done| done.min(Step::of(depart)));
        // The step before tells the lowest recent speed.
        let measured = self.measured(start.plus(-1), start.plus(LONGEST)).await?;
        let speeds: BTreeMap<Step, Speeds> = measured.iter().map(|(step, all)| (*step, city.see(all))).collect();
        let empty = Speeds::new();
        let present = speeds.get(&start).unwrap_or(&empty);
        let before = speeds.get(&start.plus(-1)).unwrap_or(present);
        let mut way = Way { experienced_s: experienced(&city, names, &speeds, start), ..Way::default() };
        let mut known = 0.0;
        for name in names {
            let Some(segment) = city.segment(name) else { continue };
            way.length_m += segment.length_m;
            way.free_s += seconds(segment.length_m, segment.free_flow_kmh);
            way.instantaneous_s += pass(&city, name, present);
            if speed(&city, name, present).is_some() {
                known += segment.length_m;
            }
        }
        way.coverage = if way.length_m > 0.0 { known / way.length_m } else { 0.0 };
        if let Some(by_rule) = by_stations(&city, names, present, before) {
            (way.instantaneous_s, way.smoothed) = (by_rule, true);
        }
        way.typical_s = self.usual_seconds(&city, names, start).await?;
        Ok(way)
    }

    /// The mean of what the way took at this time in the weeks before, of those in which it was measured.
    async fn usual_seconds(&self, city: &City, names: &[SegmentName], start: Step) -> Result<Option<f64>, Error> {
        let (mut sum, mut count) = (0.0, 0.0);
        for week in 1..=WEEKS {
            let then = self.calendar.weeks_before(start, week);
            let measured = self.measured(then, then).await?;
            let Some(speeds) = measured.get(&then).map(|measured| city.see(measured)) else { continue };
            if names.iter().any(|name| speed(city, name, &speeds).is_some()) {
                sum += names.iter().map(|name| pass(city, name, &speeds)).sum::<f64>();
                count += 1.0;
            }
        }
        Ok((count > 0.0).then(|| sum / count))
    }
}

/// Every segment is there and leads to the next one.
fn check(city: &City, names: &[SegmentName]) -> Result<(), Error> {
    for (index, name) in names.iter().enumerate() {
        let Some(segment) = city.segment(name) else {
            return Err(Error::invalid(format!("segment_ids[{index}]"), "must be a segment that exists"));
        };
        if let Some(next) = names.get(index + 1)
            && !segment.next.contains(next)
        {
            let field = format!("segment_ids[{}]", index + 1);
            return Err(Error::invalid(field, format!("must be one that {} leads to", name.0)));
        }
    }
    Ok(())
}

/// A segment's speed, never more than what is allowed.
fn speed(city: &City, name: &SegmentName, speeds: &Speeds) -> Option<f64> {
    let segment = city.segment(name)?;
    Some(speeds.get(name)?.speed_kmh?.min(segment.free_flow_kmh).max(1.0))
}

fn seconds(length_m: f64, speed_kmh: f64) -> f64 {
    length_m * 3.6 / speed_kmh.max(1.0)
}

/// Seconds on a segment; at free flow where nothing is known.
fn pass(city: &City, name: &SegmentName, speeds: &Speeds) -> f64 {
    let Some(segment) = city.segment(name) else { return 0.0 };
    seconds(segment.length_m, speed(city, name, speeds).unwrap_or(segment.free_flow_kmh))
}

/// A driver meets each segment in the step in which he gets there; beyond the last known step, it stays as it is there.
fn experienced(city: &City, names: &[SegmentName], speeds: &BTreeMap<Step, Speeds>, start: Step) -> f64 {
    let empty = Speeds::new();
    let mut at = 0.0;
    for name in names {
        // Whole steps on the way so far.
        let passed =
            (0..=LONGEST).rfind(|steps| f64::from(i32::try_from(*steps).unwrap_or(0)) * 300.0 <= at).unwrap_or(0);
        let step = start.plus(passed);
        let present = speeds.range(start..=step).next_back().map_or(&empty, |(_, speeds)| speeds);
        at += pass(city, name, present);
    }
    at
}

/// By the rule of IRIS, from the beginning of the way to its end: before the first and after the last station with their
/// speed. `None` where stations are missing or too far apart.
fn by_stations(city: &City, names: &[SegmentName], present: &Speeds, before: &Speeds) -> Option<f64> {
    let mut stations = Vec::new();
    let mut metres = 0.0;
    for name in names {
        let segment = city.segment(name)?;
        if let Some(now) = speed(city, name, present) {
            let least = speed(city, name, before).map_or(now, |before| before.min(now));
            let mile = (metres + segment.length_m / 2.0) / MILE_M;
            let mph = |kmh: f64| kmh * 1_000.0 / MILE_M;
            stations.push(RouteStation { mile, average: mph(now), minimum: mph(least) });
        }
        metres += segment.length_m;
    }
    let (first, last) = (*stations.first()?, *stations.last()?);
    let inner = travel_time(&stations).ok()?;
    let ends = first.mile / first.average + (metres / MILE_M - last.mile) / last.minimum;
    // What is over the limit is no message on a sign here: the sum of the segments tells it better.
    (!inner.over_limit).then_some(inner.time.as_secs_f64() + ends * 3_600.0)
}
