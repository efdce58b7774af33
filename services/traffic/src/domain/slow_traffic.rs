//! Slow traffic ahead by the rule of Minnesota's IRIS ("variable speed advisory").
//!
//! Source: mnit-rtmc/iris, `docs/vsa.md` (a description; none of its code was used). In mph and miles:
//!
//! * the acceleration from a station with speed `u` to the next with speed `d`, `m` miles on: a = (d² − u²) / 2m;
//! * a station is a **candidate** when it is slower than 55 and a < −1500 mi/h² from the nearest station upstream that is
//!   at least 0.1 mi away;
//! * it is **active** after 3 candidate intervals in a row, below a breakdown speed at once;
//! * it stays active while it is slower than 55 and a < −750;
//! * wet and icy roads have thresholds nearer to zero.
//!
//! The page names no breakdown speed; ours is the lowest speed it advises, 30 mph.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A candidate is slower than this, mph.
pub const SPEED_MPH: f64 = 55.0;
/// Slower than this a candidate is active at once, mph.
pub const BREAKDOWN_MPH: f64 = 30.0;
/// Stations nearer than this to each other are not compared, miles.
pub const SPACING_MI: f64 = 0.1;
/// Candidate intervals in a row before a station is active.
pub const START_INTERVALS: u8 = 3;

/// What the road is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pavement {
    /// Dry.
    #[default]
    Dry,
    /// Light rain.
    LightRain,
    /// Moderate rain.
    ModerateRain,
    /// Heavy rain.
    HeavyRain,
    /// Ice.
    Ice,
}

impl Pavement {
    /// Below this acceleration a station becomes a candidate, mi/h².
    pub fn start(self) -> f64 {
        match self {
            Self::Dry => -1_500.0,
            Self::LightRain => -1_200.0,
            Self::ModerateRain => -1_050.0,
            Self::HeavyRain => -900.0,
            Self::Ice => -750.0,
        }
    }

    /// Not below this acceleration a station is no longer active, mi/h²: half of [`Self::start`].
    pub fn stop(self) -> f64 {
        self.start() / 2.0
    }
}

/// A station as vehicles pass it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Post {
    /// Miles from the beginning of the corridor in the direction of travel.
    pub mile: f64,
    /// Speed, mph, smoothed by [`DensitySmoothing`] where density is known.
    pub speed: Option<f64>,
}

/// Acceleration from `upstream` to `downstream`, mi/h²; negative where vehicles brake.
pub fn acceleration(upstream: (f64, f64), downstream: (f64, f64)) -> f64 {
    let ((from, u), (to, d)) = (upstream, downstream);
    (d * d - u * u) / (2.0 * (to - from))
}

/// Acceleration towards the station at `index` of a corridor in the direction of travel.
pub fn acceleration_to(posts: &[Post], index: usize) -> Option<f64> {
    let own = posts.get(index)?;
    let from = posts.get(upstream(posts, index)?)?;
    Some(acceleration((from.mile, from.speed?), (own.mile, own.speed?)))
}

/// The station that the one at `index` is compared with: the nearest upstream that is far enough away.
pub fn upstream(posts: &[Post], index: usize) -> Option<usize> {
    let own = posts.get(index)?;
    posts[..index].iter().rposition(|post| own.mile - post.mile >= SPACING_MI)
}

/// The rule at one station, interval by interval.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlowTrafficWatch {
    candidates: u8,
    active: bool,
}

/// What an interval meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlowTraffic {
    /// Vehicles brake hard here now.
    Started,
    /// No longer.
    Ended,
}

impl SlowTrafficWatch {
    /// Whether vehicles are warned of this station.
    pub fn is_active(self) -> bool {
        self.active
    }

    /// Takes an interval's speed at the station and acceleration towards it. Without one of them the rule does not hold.
    pub fn step(&mut self, pavement: Pavement, speed: Option<f64>, acceleration: Option<f64>) -> Option<SlowTraffic> {
        let holds = |threshold: f64| match (speed, acceleration) {
            (Some(speed), Some(acceleration)) => speed < SPEED_MPH && acceleration < threshold,
            _ => false,
        };
        let was = self.active;
        if was {
            self.active = holds(pavement.stop());
            self.candidates = 0;
        } else if holds(pavement.start()) {
            self.candidates += 1;
            let breaks_down = speed.is_some_and(|speed| speed < BREAKDOWN_MPH);
            self.active = breaks_down || self.candidates >= START_INTERVALS;
        } else {
            self.candidates = 0;
        }
        match (was, self.active) {
            (false, true) => Some(SlowTraffic::Started),
            (true, false) => Some(SlowTraffic::Ended),
            _ => None,
        }
    }
}

/// The rolling average of a station's speed, whose length follows from density.
///
/// Below 10 vehicles per mile the speed limit stands for the speed; 10–15: 6 samples, 15–25: 4, 25–40: 3, 40–55: 4, above
/// that 6. A sample older than the oldest one used for the step before is not used, and a clear trend of the last three
/// samples shortens the average to two.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DensitySmoothing {
    /// Newest first.
    speeds: VecDeque<f64>,
    used: usize,
}

impl DensitySmoothing {
    const LONGEST: usize = 6;

    /// How many samples are averaged at this density, vehicles per mile; `None` where the speed limit is taken.
    pub fn samples(density: f64) -> Option<usize> {
        match density {
            d if d < 10.0 => None,
            d if d < 15.0 => Some(6),
            d if d < 25.0 => Some(4),
            d if d < 40.0 => Some(3),
            d if d < 55.0 => Some(4),
            _ => Some(6),
        }
    }

    /// Takes a sample, mph and vehicles per mile; the smoothed speed, mph.
    pub fn step(&mut self, speed: f64, density: f64, limit: f64) -> f64 {
        self.speeds.push_front(speed);
        self.speeds.truncate(Self::LONGEST);
        let Some(wanted) = Self::samples(density) else {
            self.used = 0;
            return limit;
        };
        let trend = self.speeds.len() >= 3 && {
            let (a, b, c) = (self.speeds[2], self.speeds[1], self.speeds[0]);
            (a < b && b < c) || (a > b && b > c)
        };
        let wanted = if trend { 2 } else { wanted };
        self.used = wanted.min(self.used + 1).min(self.speeds.len());
        let count = u32::try_from(self.used).unwrap_or(1);
        self.speeds.iter().take(self.used).sum::<f64>() / f64::from(count)
    }
}

#[cfg(test)]
mod tests;
