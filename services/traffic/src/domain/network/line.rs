//! Lines on the ground: how long, what is where along them, what they touch.
//!
//! Distances are along the ground (haversine); within one piece of a line, which is short, the ground counts as flat.

use kvartal_kernel::geo::{Bounds, LatLng};

/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.08;

/// The place of a line that is nearest to a point.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spot {
    /// Metres from the beginning of the line.
    pub offset_m: f64,
    /// Metres from the point.
    pub distance_m: f64,
    /// Where it is.
    pub point: LatLng,
    /// Where the line leads there, degrees clockwise from north.
    pub heading_degrees: f64,
}

/// Metres from the first point to the last along the line.
pub fn length_m(line: &[LatLng]) -> f64 {
    line.windows(2).map(|ends| ends[0].distance_m(ends[1])).sum()
}

/// The point so many metres from the beginning, the last one when the line is shorter; `None` for no line.
pub fn point_at(line: &[LatLng], offset_m: f64) -> Option<LatLng> {
    let mut left = offset_m.max(0.0);
    for ends in line.windows(2) {
        let piece = ends[0].distance_m(ends[1]);
        if left <= piece && piece > 0.0 {
            return Some(between(ends[0], ends[1], left / piece));
        }
        left -= piece;
    }
    line.last().copied()
}

/// The place that is nearest to the point; the line must not be empty, or everything is at its only point, 0, 0.
pub fn nearest(line: &[LatLng], point: LatLng) -> Spot {
    let shrink = point.latitude.to_radians().cos();
    let flat =
        |p: LatLng| ((p.longitude - point.longitude) * shrink * DEGREE_M, (p.latitude - point.latitude) * DEGREE_M);
    let mut best = Spot {
        offset_m: 0.0,
        distance_m: line.first().map_or(f64::INFINITY, |first| first.distance_m(point)),
        point: line.first().copied().unwrap_or(point),
        heading_degrees: 0.0,
    };
    let mut passed = 0.0;
    for (index, ends) in line.windows(2).enumerate() {
        let (a, b) = (flat(ends[0]), flat(ends[1]));
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let square = dx * dx + dy * dy;
        let share = if square > 0.0 { (-(a.0 * dx + a.1 * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
        let distance_m = (a.0 + dx * share).hypot(a.1 + dy * share);
        let piece = ends[0].distance_m(ends[1]);
        if distance_m < best.distance_m || index == 0 {
            let heading_degrees = dx.atan2(dy).to_degrees().rem_euclid(360.0);
            let at = between(ends[0], ends[1], share);
            best = Spot { offset_m: passed + piece * share, distance_m, point: at, heading_degrees };
        }
        passed += piece;
    }
    best
}

/// Degrees between two headings, 0 to 180.
pub fn turn_between(a: f64, b: f64) -> f64 {
    let turn = (a - b).rem_euclid(360.0);
    turn.min(360.0 - turn)
}

/// Whether the line has a point in the box or on its edge; the box must not cross the 180th meridian.
pub fn touches(line: &[LatLng], bounds: &Bounds) -> bool {
    match line {
        [] => false,
        [point] => bounds.contains(*point),
        line => line.windows(2).any(|ends| clip(ends[0], ends[1], bounds).is_some()),
    }
}

/// The part of the piece from `a` to `b` that lies in the box, as shares of the way (Liang and Barsky 1984).
pub fn clip(a: LatLng, b: LatLng, bounds: &Bounds) -> Option<(f64, f64)> {
    let (dx, dy) = (b.longitude - a.longitude, b.latitude - a.latitude);
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    let edges = [
        (-dx, a.longitude - bounds.west),
        (dx, bounds.east - a.longitude),
        (-dy, a.latitude - bounds.south),
        (dy, bounds.north - a.latitude),
    ];
    for (slope, room) in edges {
        if slope == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if slope < 0.0 {
            from = from.max(room / slope);
        } else {
            to = to.min(room / slope);
        }
    }
    (from <= to).then_some((from, to))
}

/// The point at this share of the way.
pub fn between(a: LatLng, b: LatLng, share: f64) -> LatLng {
    LatLng {
        latitude: a.latitude + (b.latitude - a.latitude) * share,
        longitude: a.longitude + (b.longitude - a.longitude) * share,
    }
}
