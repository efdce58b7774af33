//! Step by step: from what was measured to levels, jams, warnings and scores.
//!
//! A [`Tracker`] is everything that the rules remember from one step to the next. It is a pure function of the steps it
//! has seen, so computing a time once more from any earlier tracker gives the same result, which is how late readings are
//! taken in and how a service goes on after a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::bottleneck::{self, BottleneckEvent, BottleneckWatch, Heading};
use super::city::{City, MILE_M, Seen, SegmentName, Station, mph};
use super::congestion::{Hysteresis, Level};
use super::history::LevelChange;
use super::jam::{Jam, JamEvent, JamId, Jams, Rule, thousandths};
use super::score::{Score, Weighed, score};
use super::slow_traffic::{self, Pavement, SlowTraffic, SlowTrafficWatch};
use super::step::Step;

/// The slowest speed that is allowed on a freeway, km/h: both rules of corridors were written for freeways and compare with speeds up
/// to [`slow_traffic::SPEED_MPH`], so on a street every vehicle would be slow.
const FREEWAY_KMH: f64 = slow_traffic::SPEED_MPH * MILE_M / 1_000.0;

/// What the rules remember.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct Tracker {
    levels: BTreeMap<SegmentName, Hysteresis>,
    jams: Jams,
    bottlenecks: BTreeMap<SegmentName, BottleneckWatch>,
    queues: BTreeMap<SegmentName, Jam>,
    slow: BTreeMap<SegmentName, SlowTrafficWatch>,
    warnings: BTreeMap<SegmentName, Warning>,
}

/// A warning: vehicles come upon slow traffic here.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Warning {
    /// It follows from rule, time and place.
    pub id: JamId,
    /// Why.
    pub rule: Rule,
    /// Where the slow traffic begins.
    pub segment: SegmentName,
    /// The station it was compared with.
    pub compared: SegmentName,
    /// Speed there when it began, km/h.
    pub speed_kmh: f64,
    /// Speed at the other station, km/h.
    pub upstream_kmh: f64,
    /// Its first step.
    pub start: Step,
    /// The first step without it.
    pub end: Option<Step>,
}

/// How a jam moves at a step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pace {
    /// Length by time, km/h.
    pub mean_speed_kmh: f64,
    /// Time lost against free flow, seconds.
    pub delay_s: f64,
    /// The worst level among its segments.
    pub level: Level,
}

/// A jam at a step.
#[derive(Clone, PartialEq, Debug)]
pub struct JamMoment {
    /// The rule that found it.
    pub rule: Rule,
    /// The jam.
    pub jam: Jam,
    /// How it moves.
    pub pace: Pace,
}

/// A score of the city or a district at a step.
#[derive(Clone, PartialEq, Debug)]
pub struct Scored {
    /// Empty for the whole city.
    pub district: String,
    /// The score.
    pub score: Score,
    /// Road in jams, metres.
    pub jam_m: f64,
}

/// What a step came to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// Levels that changed.
    pub levels: Vec<LevelChange>,
    /// Jams of this step.
    pub jams: Vec<JamMoment>,
    /// What happened to jams.
    pub jam_events: Vec<(Rule, JamEvent)>,
    /// Warnings that began or ended.
    pub warnings: Vec<Warning>,
    /// Scores, the city's first.
    pub scores: Vec<Scored>,
}

impl Tracker {
    /// The level of a segment.
    pub fn level(&self, segment: &SegmentName) -> Option<Level> {
        self.levels.get(segment)?.level()
    }

    /// Whether nothing is remembered: a step without measurements changes nothing.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a step.
    pub fn step(&mut self, city: &City, step: Step, seen: &BTreeMap<SegmentName, Seen>) -> Outcome {
        let mut outcome = Outcome::default();
        self.take_levels(city, step, seen, &mut outcome);
        let congested: BTreeSet<SegmentName> = self
            .levels
            .iter()
            .filter(|(_, machine)| machine.level().is_some_and(Level::is_jam))
            .map(|(id, _)| id.clone())
            .collect();
        let events = self.jams.step(step, &congested, city);
        outcome.jam_events.extend(events.into_iter().map(|event| (Rule::SegmentState, event)));
        let mut watched: BTreeSet<&SegmentName> = BTreeSet::new();
        for stations in city.corridors().filter(|stations| is_freeway(city, stations)) {
            self.take_bottlenecks(step, stations, seen, &mut outcome);
            self.take_slow_traffic(step, stations, seen, &mut outcome);
            watched.extend(stations.iter().map(|station| &station.segment));
        }
        self.leave(step, &watched, &mut outcome);
        self.forget();
        let open = self.jams.open().map(|jam| (Rule::SegmentState, jam));
        let queues = self.queues.values().map(|jam| (Rule::PemsBottleneck, jam));
        let moment = |(rule, jam): (Rule, &Jam)| JamMoment {
            rule,
            jam: jam.clone(),
            pace: self.pace(city, &jam.segments, seen),
        };
        outcome.jams = open.chain(queues).map(moment).collect();
        outcome.scores = self.scores(city, seen);
        outcome
    }

    fn take_levels(&mut self, city: &City, step: Step, seen: &BTreeMap<SegmentName, Seen>, outcome: &mut Outcome) {
        let known: BTreeSet<SegmentName> = seen.keys().chain(self.levels.keys()).cloned().collect();
        for segment in known {
            let sample = city.sample(&segment, seen.get(&segment).copied().unwrap_or_default());
            let machine = self.levels.entry(segment.clone()).or_default();
            if let Some(level) = machine.step(sample) {
                outcome.levels.push(LevelChange { segment, step, level });
            }
        }
    }

    /// The rule of PeMS along a corridor. Distances of corridors grow in the direction of travel, as postmiles to the north.
    fn take_bottlenecks(
        &mut self,
        step: Step,
        stations: &[Station],
        seen: &BTreeMap<SegmentName, Seen>,
        outcome: &mut Outcome,
    ) {
        let post = |station: &Station| bottleneck::Post { postmile: station.mile, speed: speed(seen, station) };
        let posts: Vec<bottleneck::Post> = stations.iter().map(post).collect();
        for (index, mark) in bottleneck::marks(Heading::North, &posts).into_iter().enumerate() {
            let segment = &stations[index].segment;
            let event = self.bottlenecks.entry(segment.clone()).or_default().step(step, mark);
            let queue = || stations[bottleneck::queue(&posts, index)].iter().map(|s| s.segment.clone()).collect();
            let metres = thousandths(bottleneck::queue_miles(&posts, index) * MILE_M);
            match event {
                Some(BottleneckEvent::Started(found)) => {
                    let id = JamId::of(Rule::PemsBottleneck, found.start, segment);
                    let jam = Jam { id, start: found.start, segments: queue(), queue_m: metres, peak_m: metres };
                    outcome.jam_events.push((Rule::PemsBottleneck, JamEvent::Started(jam.clone())));
                    self.queues.insert(segment.clone(), jam);
                    let compared = &stations[index.saturating_sub(1)];
                    self.warn(Rule::PemsBottleneck, (&stations[index], compared), found.start, seen, outcome);
                }
                Some(BottleneckEvent::Ended(found)) => {
                    let end = found.end.unwrap_or(step);
                    if let Some(jam) = self.queues.remove(segment) {
                        outcome.jam_events.push((Rule::PemsBottleneck, JamEvent::Ended { jam, end, into: None }));
                    }
                    self.unwarn(Rule::PemsBottleneck, segment, end, outcome);
                }
                None => {
                    let Some(jam) = self.queues.get_mut(segment).filter(|_| mark.continues) else { continue };
                    jam.segments = queue();
                    jam.queue_m = metres;
                    jam.peak_m = jam.peak_m.max(metres);
                }
            }
        }
    }

    fn take_slow_traffic(
        &mut self,
        step: Step,
        stations: &[Station],
        seen: &BTreeMap<SegmentName, Seen>,
        outcome: &mut Outcome,
    ) {
        let post = |station: &Station| slow_traffic::Post { mile: station.mile, speed: speed(seen, station) };
        let posts: Vec<slow_traffic::Post> = stations.iter().map(post).collect();
        for (index, station) in stations.iter().enumerate() {
            let towards = slow_traffic::acceleration_to(&posts, index);
            let watch = self.slow.entry(station.segment.clone()).or_default();
            match watch.step(Pavement::Dry, posts[index].speed, towards) {
                Some(SlowTraffic::Started) => {
                    let compared = slow_traffic::upstream(&posts, index).map_or(station, |at| &stations[at]);
                    self.warn(Rule::SlowTraffic, (station, compared), step, seen, outcome);
                }
                Some(SlowTraffic::Ended) => self.unwarn(Rule::SlowTraffic, &station.segment, step, outcome),
                None => {}
            }
        }
    }

    /// Ends what was found at stations to which the rules of freeways apply no more: the segment was removed, lost its
    /// detectors or its corridor, or is driven more slowly now.
    fn leave(&mut self, step: Step, watched: &BTreeSet<&SegmentName>, outcome: &mut Outcome) {
        self.bottlenecks.retain(|segment, _| watched.contains(segment));
        self.slow.retain(|segment, _| watched.contains(segment));
        let gone = |segment: &&SegmentName| !watched.contains(*segment);
        let queues: Vec<SegmentName> = self.queues.keys().filter(gone).cloned().collect();
        for segment in queues {
            if let Some(jam) = self.queues.remove(&segment) {
                outcome.jam_events.push((Rule::PemsBottleneck, JamEvent::Ended { jam, end: step, into: None }));
            }
        }
        let warnings = self.warnings.values().filter(|warning| gone(&&warning.segment));
        let warnings: Vec<(Rule, SegmentName)> = warnings.map(|it| (it.rule, it.segment.clone())).collect();
        for (rule, segment) in warnings {
            self.unwarn(rule, &segment, step, outcome);
        }
    }

    fn warn(
        &mut self,
        rule: Rule,
        (station, compared): (&Station, &Station),
        start: Step,
        seen: &BTreeMap<SegmentName, Seen>,
        outcome: &mut Outcome,
    ) {
        let kmh = |station: &Station| seen.get(&station.segment).and_then(|seen| seen.speed_kmh).unwrap_or(0.0);
        let warning = Warning {
            id: JamId::of(rule, start, &station.segment),
            rule,
            segment: station.segment.clone(),
            compared: compared.segment.clone(),
            speed_kmh: thousandths(kmh(station)),
            upstream_kmh: thousandths(kmh(compared)),
            start,
            end: None,
        };
        outcome.warnings.push(warning.clone());
        self.warnings.insert(key(rule, &station.segment), warning);
    }

    fn unwarn(&mut self, rule: Rule, segment: &SegmentName, end: Step, outcome: &mut Outcome) {
        if let Some(mut warning) = self.warnings.remove(&key(rule, segment)) {
            warning.end = Some(end);
            outcome.warnings.push(warning);
        }
    }

    /// Forgets what is as if it had never been there, so that a quiet city is an empty tracker.
    fn forget(&mut self) {
        self.levels.retain(|_, machine| machine.level().is_some());
        self.bottlenecks.retain(|_, watch| !watch.is_idle());
        self.slow.retain(|_, watch| *watch != SlowTrafficWatch::default());
    }

    fn pace(&self, city: &City, segments: &BTreeSet<SegmentName>, seen: &BTreeMap<SegmentName, Seen>) -> Pace {
        let (mut metres, mut seconds, mut free) = (0.0, 0.0, 0.0);
        for id in segments {
            let Some(segment) = city.segment(id) else { continue };
            let speed = seen.get(id).and_then(|seen| seen.speed_kmh);
            let bound = self.level(id).map_or(1.0, |level| level.bound().min(1.0));
            // Where nobody crosses a detector the bound of the level is all that is known.
            let speed = speed.unwrap_or(segment.free_flow_kmh * bound).max(1.0);
            metres += segment.length_m;
            seconds += segment.length_m / speed * 3.6;
            free += segment.length_m / segment.free_flow_kmh.max(1.0) * 3.6;
        }
        let level = segments.iter().filter_map(|id| self.level(id)).max().unwrap_or(Level::Free);
        let mean_speed_kmh = if seconds > 0.0 { metres / seconds * 3.6 } else { 0.0 };
        Pace { mean_speed_kmh, delay_s: (seconds - free).max(0.0), level }
    }

    fn scores(&self, city: &City, seen: &BTreeMap<SegmentName, Seen>) -> Vec<Scored> {
        let weighed = |id: &SegmentName| {
            let segment = city.segment(id)?;
            let speed_ratio = seen.get(id).and_then(|seen| city.sample(id, *seen).speed_ratio);
            let speed_ratio = self.level(id).and(speed_ratio);
            let (length_m, lanes, free_flow_kmh) = (segment.length_m, segment.lanes, segment.free_flow_kmh);
            Some((segment.district.as_str(), self.level(id), Weighed { length_m, lanes, free_flow_kmh, speed_ratio }))
        };
        let mut districts: BTreeMap<&str, Vec<(Option<Level>, Weighed)>> = BTreeMap::new();
        for (district, level, weighed) in city.segments().keys().filter_map(weighed) {
            districts.entry("").or_default().push((level, weighed));
            if !district.is_empty() {
                districts.entry(district).or_default().push((level, weighed));
            }
        }
        let scored = |(district, segments): (&str, Vec<(Option<Level>, Weighed)>)| {
            let jammed = segments.iter().filter(|(level, _)| level.is_some_and(Level::is_jam));
            let jam_m = jammed.map(|(_, weighed)| weighed.length_m).sum();
            let score = score(segments.into_iter().map(|(_, weighed)| weighed))?;
            Some(Scored { district: district.to_owned(), score, jam_m })
        };
        districts.into_iter().filter_map(scored).collect()
    }
}

fn speed(seen: &BTreeMap<SegmentName, Seen>, station: &Station) -> Option<f64> {
    seen.get(&station.segment)?.speed_kmh.map(mph)
}

/// Whether vehicles may drive faster than the rules' thresholds.
fn is_freeway(city: &City, stations: &[Station]) -> bool {
    stations.iter().filter_map(|station| city.segment(&station.segment)).all(|road| road.limit_kmh >= FREEWAY_KMH)
}

/// Two rules may warn of one segment at once.
fn key(rule: Rule, segment: &SegmentName) -> SegmentName {
    SegmentName(format!("{}/{}", rule.number(), segment.0))
}

#[cfg(test)]
mod tests;
