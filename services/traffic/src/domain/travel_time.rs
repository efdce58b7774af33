//! Travel times of routes by the rules of Minnesota's IRIS.
//!
//! Source: mnit-rtmc/iris, `docs/travel_time.md` (a description; none of its code was used).
//!
//! * A station's speed is averaged over 2 minutes; over 3 when it is below 25 mph, 4 below 20, 5 below 15. What exceeds the
//!   speed limit counts as the limit.
//! * The way between two stations is cut into three links. The outer ones have the speed of their station, the middle one
//!   the average of both.
//! * A link longer than 0.6 miles makes the time unreliable: there is none.
//! * Within the last mile before the destination the lowest recent speed is used instead of the average.
//! * The time is limited by the route's length over a lowest speed, rounded up to five minutes; a longer one is "over".

use std::time::Duration;

/// Longest link, miles.
pub const LINK_MI: f64 = 0.6;
/// Links so near to the destination use the lowest speed, miles.
pub const FINAL_MI: f64 = 1.0;
/// The lowest average speed that is told, mph.
pub const LIMIT_MPH: f64 = 15.0;

/// A station on a route.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RouteStation {
    /// Miles from the beginning of the route.
    pub mile: f64,
    /// Running average, mph.
    pub average: f64,
    /// Running minimum, mph.
    pub minimum: f64,
}

/// What a route takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TravelTime {
    /// The time, no longer than the limit.
    pub time: Duration,
    /// Whether it would be longer.
    pub over_limit: bool,
}

/// Average and minimum of the newest samples of a station.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Smoothed {
    /// Running average, mph.
    pub average: f64,
    /// Running minimum, mph.
    pub minimum: f64,
}

/// Smooths samples taken every 30 seconds, newest first, mph. `None` without a sample.
pub fn smooth(samples: &[f64], limit: f64) -> Option<Smoothed> {
    let capped: Vec<f64> = samples.iter().map(|speed| speed.min(limit)).collect();
    let average = |minutes: usize| {
        let used = &capped[..capped.len().min(minutes * 2)];
        let count = u32::try_from(used.len()).ok().filter(|count| *count > 0)?;
        Some((used.iter().sum::<f64>() / f64::from(count), used.iter().copied().fold(f64::INFINITY, f64::min)))
    };
    let mut smoothed = average(2)?;
    for (minutes, below) in [(3, 25.0), (4, 20.0), (5, 15.0)] {
        if smoothed.0 < below {
            smoothed = average(minutes)?;
        }
    }
    Some(Smoothed { average: smoothed.0, minimum: smoothed.1 })
}

/// Why a route has no travel time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Unreliable {
    /// Fewer than two stations on it are valid.
    TooFewStations,
    /// Two stations are too far apart: they lie at these miles.
    Gap {
        /// The first of them.
        from: f64,
        /// The second.
        to: f64,
    },
}

/// Time from the first station of a route to the last, which lie in order.
pub fn travel_time(stations: &[RouteStation]) -> Result<TravelTime, Unreliable> {
    let (Some(first), Some(last)) = (stations.first(), stations.last()) else {
        return Err(Unreliable::TooFewStations);
    };
    if stations.len() < 2 {
        return Err(Unreliable::TooFewStations);
    }
    let mut hours = 0.0;
    for pair in stations.windows(2) {
        hours += between(pair[0], pair[1], last.mile)?;
    }
    let length = last.mile - first.mile;
    let limit = Duration::from_secs(300).mul_f64((length / LIMIT_MPH * 12.0).ceil().max(1.0));
    let time = Duration::try_from_secs_f64(hours * 3_600.0).unwrap_or(Duration::MAX);
    Ok(TravelTime { time: time.min(limit), over_limit: time > limit })
}

fn between(from: RouteStation, to: RouteStation, destination: f64) -> Result<f64, Unreliable> {
    let link = (to.mile - from.mile) / 3.0;
    if link > LINK_MI {
        return Err(Unreliable::Gap { from: from.mile, to: to.mile });
    }
    let speed = |station: RouteStation, link_end: f64| {
        if destination - link_end < FINAL_MI { station.minimum } else { station.average }
    };
    let link_end = |number: f64| from.mile + link * number;
    let first = speed(from, link_end(1.0));
    let middle = f64::midpoint(speed(from, link_end(2.0)), speed(to, link_end(2.0)));
    let last = speed(to, to.mile);
    // A standing queue moves at walking pace at least: no time is infinite.
    let hours = |speed: f64| link / speed.max(1.0);
    Ok(hours(first) + hours(middle) + hours(last))
}

#[cfg(test)]
mod tests;
