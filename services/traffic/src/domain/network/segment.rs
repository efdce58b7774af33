//! A stretch of road in one direction.

use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Error, Timestamp, Version, typed_id};
use sha2::{Digest as _, Sha256};

use super::line;

typed_id! {
    /// A segment, within the service: made from the name that the outside world gave it.
    SegmentId
}

/// Most points of a segment.
pub const POINTS_MAX: usize = 500;
/// Longest segment, metres.
pub const LENGTH_MAX_M: f64 = 100_000.0;

impl SegmentId {
    /// The id of the segment with this name: the same in every replica and every database.
    pub fn named(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(kvartal_kernel::Uuid::from_bytes(bytes))
    }
}

/// What kind of road it is, the most important first; the numbers are those of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum RoadClass {
    /// No crossings.
    Motorway = 1,
    /// Main road through the city.
    Trunk = 2,
    /// Links districts.
    Primary = 3,
    /// Links quarters.
    Secondary = 4,
    /// Collects from streets.
    Tertiary = 5,
    /// A street where people live.
    Residential = 6,
    /// A ramp or a slip road.
    Link = 7,
}

impl RoadClass {
    /// Every class, by number.
    pub const ALL: [Self; 7] =
        [Self::Motorway, Self::Trunk, Self::Primary, Self::Secondary, Self::Tertiary, Self::Residential, Self::Link];

    /// The number in the contract and in storage.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// From the number in the contract or in storage.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|class| i32::from(class.number()) == number)
    }
}

/// What is said about a segment.
#[derive(Clone, PartialEq, Debug)]
pub struct SegmentFacts {
    /// What people would say.
    pub display_name: String,
    /// The road it is a part of and the direction; empty for none.
    pub corridor: String,
    /// Where it begins along the corridor.
    pub corridor_offset_m: f64,
    /// In the direction of travel, at least two points.
    pub geometry: Vec<LatLng>,
    /// What kind of road.
    pub class: RoadClass,
    /// What is allowed.
    pub speed_limit_kmh: f64,
    /// In this direction, at least 1.
    pub lanes: u32,
    /// Names of the segments that one can drive on to; they need not exist.
    pub next: Vec<String>,
}

/// A segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Segment {
    /// Made from the name.
    pub id: SegmentId,
    /// What the outside world calls it.
    pub name: String,
    /// What is said about it.
    pub facts: SegmentFacts,
    /// Along the geometry.
    pub length_m: f64,
    /// When it was added.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
    /// How often it changed.
    pub version: Version,
    bounds: Bounds,
}

/// What to change; what is `None` stays.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SegmentPatch {
    /// What people would say.
    pub display_name: Option<String>,
    /// The road it is a part of.
    pub corridor: Option<String>,
    /// Where it begins along the corridor.
    pub corridor_offset_m: Option<f64>,
    /// In the direction of travel.
    pub geometry: Option<Vec<LatLng>>,
    /// What kind of road.
    pub class: Option<RoadClass>,
    /// What is allowed.
    pub speed_limit_kmh: Option<f64>,
    /// In this direction.
    pub lanes: Option<u32>,
    /// Where one can drive on.
    pub next: Option<Vec<String>>,
}

impl SegmentPatch {
    /// The facts after the change, unchecked.
    pub fn apply(self, old: SegmentFacts) -> SegmentFacts {
        SegmentFacts {
            display_name: self.display_name.unwrap_or(old.display_name),
            corridor: self.corridor.unwrap_or(old.corridor),
            corridor_offset_m: self.corridor_offset_m.unwrap_or(old.corridor_offset_m),
            geometry: self.geometry.unwrap_or(old.geometry),
            class: self.class.unwrap_or(old.class),
            speed_limit_kmh: self.speed_limit_kmh.unwrap_or(old.speed_limit_kmh),
            lanes: self.lanes.unwrap_or(old.lanes),
            next: self.next.unwrap_or(old.next),
        }
    }
}

impl SegmentFacts {
    /// Puts the facts in order: repeated points and repeated links are dropped, no lane means one. Refuses a geometry
    /// without length, one that is too long, and a segment that leads to itself; `field` is where the facts stand in the
    /// request, with a dot at the end, or empty.
    pub fn checked(mut self, name: &str, field: &str) -> Result<Self, Error> {
        let at = |part: &str| format!("{field}{part}");
        self.geometry.dedup();
        let length_m = line::length_m(&self.geometry);
        if self.geometry.len() < 2 || length_m < 0.5 {
            return Err(Error::invalid(at("geometry"), "must have at least two different points"));
        }
        if self.geometry.len() > POINTS_MAX {
            return Err(Error::invalid(at("geometry"), format!("must have at most {POINTS_MAX} points")));
        }
        if length_m > LENGTH_MAX_M {
            return Err(Error::invalid(at("geometry"), "must be at most 100 km long: cut the road into segments"));
        }
        let mut seen = std::collections::BTreeSet::new();
        self.next.retain(|next| seen.insert(next.clone()));
        if seen.contains(name) {
            return Err(Error::invalid(at("next_segment_ids"), "must not name the segment itself"));
        }
        self.lanes = self.lanes.max(1);
        if !(5.0..=200.0).contains(&self.speed_limit_kmh) {
            return Err(Error::invalid(at("speed_limit_kmh"), "must be from 5 to 200"));
        }
        Ok(self)
    }
}

impl Segment {
    /// A new segment of checked facts.
    pub fn new(name: String, facts: SegmentFacts, now: Timestamp) -> Self {
        Self::restored(name, facts, now, now, Version::FIRST)
    }

    /// As it was stored.
    pub fn restored(
        name: String,
        facts: SegmentFacts,
        created: Timestamp,
        updated: Timestamp,
        version: Version,
    ) -> Self {
        let (length_m, bounds) = (line::length_m(&facts.geometry), Bounds::of(&facts.geometry));
        Self { id: SegmentId::named(&name), name, facts, length_m, created, updated, version, bounds }
    }

    /// The same segment with other checked facts.
    pub fn changed(&self, facts: SegmentFacts, now: Timestamp) -> Self {
        let updated = now.max(Timestamp(self.updated.0 + 1));
        Self::restored(self.name.clone(), facts, self.created, updated, self.version.next())
    }

    /// The box around it.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether its line has a point in the box.
    pub fn touches(&self, bounds: &Bounds) -> bool {
        self.bounds.overlaps(bounds) && line::touches(&self.facts.geometry, bounds)
    }

    /// Seconds to drive all of it at this speed.
    pub fn seconds_at(&self, speed_kmh: f64) -> f64 {
        self.length_m * 3.6 / speed_kmh
    }
}
