//! Parts of the city that people follow: where they are, and what is told of them.

use std::time::Duration;

use kvartal_kernel::geo::{Bounds, LatLng, ring_contains};
use kvartal_kernel::{Error, Timestamp, Uuid, Version, typed_id};

use super::{Kind, UserId};

mod news;

#[cfg(test)]
use news::LINES_MAX;
pub(crate) use news::{AreaNews, Arisen, Over, digest};

typed_id!(
    /// A part of the city that somebody follows.
    FollowedAreaId
);

/// Most areas of one person.
pub(crate) const AREAS_MAX: u64 = 20;
/// The widest box, in metres.
const BOX_MAX_M: f64 = 100_000.0;

/// What can be told of an area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Topic {
    /// Jams that begin and end.
    Jams,
    /// New incidents.
    Incidents,
    /// New reports.
    Reports,
    /// Detectors that fail.
    Detectors,
}

impl Topic {
    /// Every topic, in the order of the contract.
    pub(crate) const ALL: [Self; 4] = [Self::Jams, Self::Incidents, Self::Reports, Self::Detectors];

    /// The number in the contract.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Jams => 1,
            Self::Incidents => 2,
            Self::Reports => 3,
            Self::Detectors => 4,
        }
    }

    /// From the number in the contract.
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| i32::from(topic.number()) == number)
    }

    /// Whether it is for those who look after the roads.
    pub(crate) fn is_for_staff(self) -> bool {
        self == Self::Detectors
    }

    /// What a kind of notification is told under.
    pub(crate) fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::AreaJams | Kind::AreaJamsEnded => Some(Self::Jams),
            Kind::AreaIncidents => Some(Self::Incidents),
            Kind::AreaReports => Some(Self::Reports),
            Kind::AreaDetectors => Some(Self::Detectors),
            _ => None,
        }
    }
}

/// Some topics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Topics(i16);

impl Topics {
    /// As it is stored: one bit for each.
    pub(crate) fn bits(self) -> i16 {
        self.0
    }

    /// From what is stored.
    pub(crate) fn from_bits(bits: i16) -> Self {
        Self(bits)
    }

    /// Whether the topic is among them.
    pub(crate) fn contains(self, topic: Topic) -> bool {
        self.0 & (1 << topic.number()) != 0
    }

    /// Each of them.
    pub(crate) fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(move |topic| self.contains(*topic))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        Self(topics.into_iter().fold(0, |bits, topic| bits | (1 << topic.number())))
    }
}

/// Where an area is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Place {
    /// An area of the incident service, with the boundary it had when it was followed.
    Area { id: Uuid, ring: Vec<LatLng> },
    /// A box that does not cross the 180th meridian.
    Box(Bounds),
    /// Everything within some metres.
    Circle { center: LatLng, radius_m: f64 },
}

impl Place {
    /// A box; `None` for one that crosses the 180th meridian, stands on its head or is too large.
    pub(crate) fn boxed(low: LatLng, high: LatLng) -> Option<Self> {
        let bounds =
            Bounds::new(low, high).filter(|bounds| bounds.west < bounds.east && bounds.south < bounds.north)?;
        let corner = |latitude, longitude| LatLng { latitude, longitude };
        let height = low.distance_m(corner(high.latitude, low.longitude));
        let width = low.distance_m(corner(low.latitude, high.longitude));
        (height <= BOX_MAX_M && width <= BOX_MAX_M).then_some(Self::Box(bounds))
    }

    /// A box around it that does not cross the 180th meridian.
    pub(crate) fn bounds(&self) -> Bounds {
        match self {
            Self::Area { ring, .. } => Bounds::of(ring),
            Self::Box(bounds) => *bounds,
            Self::Circle { center, radius_m } => {
                let around = Bounds::around(*center, *radius_m);
                if around.west <= around.east { around } else { Bounds { west: -180.0, east: 180.0, ..around } }
            }
        }
    }

    /// Whether the point lies in it.
    pub(crate) fn contains(&self, point: LatLng) -> bool {
        match self {
            Self::Area { ring, .. } => ring_contains(ring, point),
            Self::Box(bounds) => bounds.contains(point),
            Self::Circle { center, radius_m } => center.distance_m(point) <= *radius_m,
        }
    }

    /// What the same place has again and no other has.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Area { id, .. } => format!("area {id}"),
            Self::Box(Bounds { south, west, north, east }) => format!("box {south} {west} {north} {east}"),
            Self::Circle { center, radius_m } => {
                format!("circle {} {} {radius_m}", center.latitude, center.longitude)
            }
        }
    }
}

/// A part of the city that somebody follows.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct FollowedArea {
    /// Which.
    pub id: FollowedAreaId,
    /// Who follows it.
    pub user: UserId,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// What is told of it.
    pub topics: Topics,
    /// Since when.
    pub created: Timestamp,
    /// How often it changed.
    pub version: Version,
}

/// How calmly people are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Calm {
    /// News wait so long: what takes itself back meanwhile is not told, what joins them is told with them.
    pub settle: Duration,
    /// The shortest time between two messages of one kind about one area.
    pub quiet: Duration,
    /// What happens again at a place within this time is not told again.
    pub again: Duration,
}

impl Calm {
    /// When news of now are ready to be told.
    pub(crate) fn ready(self, now: Timestamp) -> Timestamp {
        now.plus(self.settle)
    }
}

/// Refuses topics that are not for the caller.
pub(crate) fn check_topics(topics: Topics, staff: bool) -> Result<(), Error> {
    if !staff && topics.iter().any(Topic::is_for_staff) {
        let message = "detectors are told of to dispatchers and administrators";
        return Err(Error::new(kvartal_kernel::Kind::PermissionDenied, "TOPIC_FOR_STAFF", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
