//! Where an incident is and what it does to the lanes.

use kvartal_kernel::Error;

use super::geo::{Bounds, LatLng};
use super::numbered;

/// Most points of a place.
pub const POINTS_MAX: usize = 2_000;

numbered! {
    /// Which way the traffic goes that an incident affects.
    Direction {
        /// Known to be unknown.
        Unknown = 1 "UNKNOWN",
        /// North.
        Northbound = 2 "NORTHBOUND",
        /// East.
        Eastbound = 3 "EASTBOUND",
        /// South.
        Southbound = 4 "SOUTHBOUND",
        /// West.
        Westbound = 5 "WESTBOUND",
        /// Both ways.
        Both = 6 "BOTH",
    }
}

numbered! {
    /// What a lane is good for while the incident lasts.
    LaneState {
        /// As always.
        Free = 1 "FREE",
        /// Passable with care.
        Affected = 2 "AFFECTED",
        /// Closed.
        Blocked = 3 "BLOCKED",
    }
}

/// Where it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// One point, or the line from first to last; never empty.
    pub points: Vec<LatLng>,
    /// Name of the road; may be empty.
    pub road: String,
    /// What people would say; may be empty.
    pub address: String,
    /// Which way; `None` when nobody said.
    pub direction: Option<Direction>,
}

impl Place {
    /// A place with at least one and at most [`POINTS_MAX`] points.
    pub fn new(
        points: Vec<LatLng>,
        road: String,
        address: String,
        direction: Option<Direction>,
    ) -> Result<Self, Error> {
        if points.is_empty() || points.len() > POINTS_MAX {
            return Err(Error::invalid("place.points", format!("must have 1 to {POINTS_MAX} points")));
        }
        Ok(Self { points, road, address, direction })
    }

    /// A single point.
    pub fn point(point: LatLng, address: String) -> Self {
        Self { points: vec![point], road: String::new(), address, direction: None }
    }

    /// The box around it.
    pub fn bounds(&self) -> Bounds {
        Bounds::of(&self.points)
    }
}
