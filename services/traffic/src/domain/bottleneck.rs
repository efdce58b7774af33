//! Bottlenecks by the rule of Caltrans PeMS.
//!
//! Source: cagov/caldata-mdsa-caltrans-pems, `int_performance__bottlenecks.sql`. As stated there, in mph and miles:
//!
//! * **start**: the five-minute speed is below 40, the neighbour is less than 3 miles away, and the speed is at least 20
//!   lower than the neighbour's (`speed_delta <= -20`);
//! * **continues**: the speed is below 40, the neighbour is less than 3 miles away, and the station before or the one
//!   after it is below 40 as well;
//! * the neighbour is the one that vehicles come from: for N and E the previous by postmile (`lag`), for S and W the next
//!   (`lead`);
//! * **extent**: of a start and the six samples after it, at least 5 continue.
//!
//! Two places of that file are not taken over because they contradict what it says: its window is partitioned by
//! timestamp and so sees one sample only, and for S and W it subtracts the other way round. It leaves open when a
//! bottleneck ends; here two misses in a row are tolerated, as 5 of 7 tolerates them, and three end it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::step::Step;

/// A bottleneck is slower than this, mph.
pub const SPEED_MPH: f64 = 40.0;
/// And this much slower than where the vehicles come from, mph.
pub const DROP_MPH: f64 = 20.0;
/// Stations farther apart say nothing about each other, miles.
pub const DISTANCE_MI: f64 = 3.0;
/// Samples looked at from a start on.
pub const WINDOW: usize = 7;
/// How many of them have to continue.
pub const EXTENT: usize = 5;
/// Misses in a row that end a bottleneck.
pub const MISSES: usize = WINDOW - EXTENT + 1;

/// Which way vehicles go, as postmiles know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Heading {
    /// Postmiles grow in the direction of travel.
    North,
    /// Postmiles grow in the direction of travel.
    East,
    /// Postmiles shrink in the direction of travel.
    South,
    /// Postmiles shrink in the direction of travel.
    West,
}

impl Heading {
    /// Whether postmiles grow in the direction of travel.
    pub fn is_ascending(self) -> bool {
        matches!(self, Self::North | Self::East)
    }
}

/// A station of a road in one direction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Post {
    /// Absolute postmile.
    pub postmile: f64,
    /// Five-minute speed, mph; `None` when it is not known.
    pub speed: Option<f64>,
}

/// What the rule says about one station at one step.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mark {
    /// A bottleneck begins here.
    pub start: bool,
    /// One that began before goes on.
    pub continues: bool,
}

/// Judges the stations of one road in one direction, ordered by growing postmile, at one step.
pub fn marks(heading: Heading, posts: &[Post]) -> Vec<Mark> {
    let mark = |index: usize| {
        let own = posts[index];
        let previous = index.checked_sub(1).and_then(|index| posts.get(index));
        let next = posts.get(index + 1);
        let came_from = if heading.is_ascending() { previous } else { next };
        let (Some(speed), Some(neighbour)) = (own.speed, came_from) else { return Mark::default() };
        let slow = |post: &Post| post.speed.is_some_and(|speed| speed < SPEED_MPH);
        let candidate = speed < SPEED_MPH && (own.postmile - neighbour.postmile).abs() < DISTANCE_MI;
        let drops = neighbour.speed.is_some_and(|other| speed - other <= -DROP_MPH);
        Mark {
            start: candidate && drops,
            continues: candidate && (previous.is_some_and(slow) || next.is_some_and(slow)),
        }
    };
    (0..posts.len()).map(mark).collect()
}

/// When and how far it jammed.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub struct Bottleneck {
    /// Its first step.
    pub start: Step,
    /// The first step that is no longer part of it; `None` while it lasts.
    pub end: Option<Step>,
}

/// The rule at one station, step by step.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct BottleneckWatch {
    /// The last seven steps, oldest first.
    window: VecDeque<(Step, Mark)>,
    active: Option<Bottleneck>,
    misses: usize,
    missed_since: Option<Step>,
}

/// What a step meant for a station.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum BottleneckEvent {
    /// It is certain now that one began at this step, at most six steps ago.
    Started(Bottleneck),
    /// It is over.
    Ended(Bottleneck),
}

impl BottleneckWatch {
    /// The present bottleneck.
    pub fn active(&self) -> Option<Bottleneck> {
        self.active
    }

    /// Whether it remembers nothing that matters: no bottleneck, and none of the last seven steps was marked.
    pub fn is_idle(&self) -> bool {
        self.active.is_none() && self.window.iter().all(|(_, mark)| *mark == Mark::default())
    }

    /// Takes what the rule says about the next step. Steps must come in order, without gaps.
    pub fn step(&mut self, step: Step, mark: Mark) -> Option<BottleneckEvent> {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back((step, mark));
        match self.active {
            Some(active) => self.go_on(active, step, mark),
            None => self.confirm(),
        }
    }

    fn go_on(&mut self, mut active: Bottleneck, step: Step, mark: Mark) -> Option<BottleneckEvent> {
        if mark.continues {
            self.misses = 0;
            self.missed_since = None;
            return None;
        }
        self.misses += 1;
        let since = *self.missed_since.get_or_insert(step);
        if self.misses < MISSES {
            return None;
        }
        active.end = Some(since);
        // What belonged to the old one does not begin a new one.
        *self = Self::default();
        Some(BottleneckEvent::Ended(active))
    }

    /// Looks for the first start in the window that is followed by enough.
    fn confirm(&mut self) -> Option<BottleneckEvent> {
        let continuing = |from: usize| self.window.iter().skip(from).filter(|(_, mark)| mark.continues).count();
        let mut starts = self.window.iter().enumerate().filter(|(_, (_, mark))| mark.start);
        let start = starts.find(|(index, _)| continuing(*index) >= EXTENT).map(|(_, (step, _))| *step)?;
        let bottleneck = Bottleneck { start, end: None };
        self.active = Some(bottleneck);
        self.misses = 0;
        self.missed_since = None;
        Some(BottleneckEvent::Started(bottleneck))
    }
}

/// The stations of the queue about the one at `index`: from it over its neighbours below 40 mph, as long as they are less
/// than 3 miles apart.
pub fn queue(posts: &[Post], index: usize) -> RangeInclusive<usize> {
    let linked = |a: usize, b: usize| {
        let slow = |post: &Post| post.speed.is_some_and(|speed| speed < SPEED_MPH);
        slow(&posts[a]) && slow(&posts[b]) && (posts[a].postmile - posts[b].postmile).abs() < DISTANCE_MI
    };
    let mut first = index;
    while first > 0 && linked(first - 1, first) {
        first -= 1;
    }
    let mut last = index;
    while last + 1 < posts.len() && linked(last, last + 1) {
        last += 1;
    }
    first..=last
}

/// Miles from the first to the last station of [`queue`]; zero when no neighbour is slow.
pub fn queue_miles(posts: &[Post], index: usize) -> f64 {
    let queue = queue(posts, index);
    match (posts.get(*queue.start()), posts.get(*queue.end())) {
        (Some(first), Some(last)) => (last.postmile - first.postmile).abs(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
