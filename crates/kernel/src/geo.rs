//! Points, boxes and rings on the ground, WGS 84.

/// Mean radius of the earth in metres.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A point on the ground.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LatLng {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

impl LatLng {
    /// A point; `None` outside the ranges and for what is no number. Kept to the centimetre (1e-7 degrees), so that
    /// what was stored and read again is the same point.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let exact = |degrees: f64| (degrees * 1e7).round() / 1e7;
        ((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude))
            .then(|| Self { latitude: exact(latitude), longitude: exact(longitude) })
    }

    /// Distance along the ground in metres (haversine).
    pub fn distance_m(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let latitude = (b - a) / 2.0;
        let longitude = (other.longitude - self.longitude).to_radians() / 2.0;
        let h = latitude.sin().powi(2) + a.cos() * b.cos() * longitude.sin().powi(2);
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }
}

/// A box on the map. Where `west` lies east of `east`, it crosses the antimeridian.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bounds {
    /// Southern edge, degrees north.
    pub south: f64,
    /// Western edge, degrees east.
    pub west: f64,
    /// Northern edge, degrees north.
    pub north: f64,
    /// Eastern edge, degrees east.
    pub east: f64,
}

impl Bounds {
    /// From the south-west and the north-east corner; `None` when the south lies north of the north.
    pub fn new(low: LatLng, high: LatLng) -> Option<Self> {
        (low.latitude <= high.latitude).then_some(Self {
            south: low.latitude,
            west: low.longitude,
            north: high.latitude,
            east: high.longitude,
        })
    }

    /// The smallest box around the points that does not cross the antimeridian; an empty one at 0, 0 around none.
    pub fn of(points: &[LatLng]) -> Self {
        let Some((first, rest)) = points.split_first() else {
            return Self { south: 0.0, west: 0.0, north: 0.0, east: 0.0 };
        };
        let start = Self { south: first.latitude, west: first.longitude, north: first.latitude, east: first.longitude };
        rest.iter().fold(start, |bounds, point| Self {
            south: bounds.south.min(point.latitude),
            west: bounds.west.min(point.longitude),
            north: bounds.north.max(point.latitude),
            east: bounds.east.max(point.longitude),
        })
    }

    /// A box that holds everything within `metres` of the point.
    pub fn around(center: LatLng, metres: f64) -> Self {
        let latitude = (metres / EARTH_RADIUS_M).to_degrees();
        let south = (center.latitude - latitude).max(-90.0);
        let north = (center.latitude + latitude).min(90.0);
        let narrowest = south.abs().max(north.abs()).to_radians().cos();
        let longitude = if narrowest > 0.0 { latitude / narrowest } else { 360.0 };
        if longitude >= 180.0 {
            return Self { south, west: -180.0, north, east: 180.0 };
        }
        let turn = |degrees: f64| (degrees + 540.0).rem_euclid(360.0) - 180.0;
        Self { south, west: turn(center.longitude - longitude), north, east: turn(center.longitude + longitude) }
    }

    /// The box as one or two boxes that do not cross the antimeridian.
    pub fn parts(&self) -> Vec<Self> {
        if self.west <= self.east {
            vec![*self]
        } else {
            vec![Self { east: 180.0, ..*self }, Self { west: -180.0, ..*self }]
        }
    }

    /// Whether the point lies in the box or on its edge.
    pub fn contains(&self, point: LatLng) -> bool {
        self.overlaps(&Self::of(&[point]))
    }

    /// Whether the boxes share a point.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.parts().iter().any(|a| {
            other
                .parts()
                .iter()
                .any(|b| a.south <= b.north && b.south <= a.north && a.west <= b.east && b.west <= a.east)
        })
    }

    /// The middle of the box.
    pub fn center(&self) -> LatLng {
        LatLng { latitude: f64::midpoint(self.south, self.north), longitude: f64::midpoint(self.west, self.east) }
    }
}

/// Whether the point lies inside the ring (even-odd rule). A point on an edge that two rings share lies in exactly one
/// of them, so that a city divided into areas has each point once.
pub fn ring_contains(ring: &[LatLng], point: LatLng) -> bool {
    let mut inside = false;
    for (index, a) in ring.iter().enumerate() {
        let b = ring[(index + 1) % ring.len()];
        // The same order of the ends whichever way the ring runs: both neighbours of an edge then round alike.
        let (low, high) = if (a.latitude, a.longitude) <= (b.latitude, b.longitude) { (*a, b) } else { (b, *a) };
        if (low.latitude > point.latitude) != (high.latitude > point.latitude) {
            let share = (point.latitude - low.latitude) / (high.latitude - low.latitude);
            if point.longitude < low.longitude + share * (high.longitude - low.longitude) {
                inside = !inside;
            }
        }
    }
    inside
}

/// Twice the signed size of the ring in square degrees: positive when it runs counter-clockwise.
pub fn ring_size(ring: &[LatLng]) -> f64 {
    let Some(origin) = ring.first() else { return 0.0 };
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    // Relative to the first point: far from 0, 0 the products of whole degrees would swallow a small ring.
    pairs
        .map(|(a, b)| {
            let (ax, ay) = (a.longitude - origin.longitude, a.latitude - origin.latitude);
            let (bx, by) = (b.longitude - origin.longitude, b.latitude - origin.latitude);
            ax * by - bx * ay
        })
        .sum()
}
