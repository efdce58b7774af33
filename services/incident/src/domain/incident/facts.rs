//! What is known about an incident, where it lies, and what traffic knows of it.

use kvartal_kernel::{Error, Timestamp};

use super::{IncidentKind, Priority};
use crate::domain::area::AreaId;
use crate::domain::place::{LaneState, Place};

/// What is known about an incident.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// What happened.
    pub kind: IncidentKind,
    /// What comes first.
    pub priority: Priority,
    /// One line, never empty.
    pub title: String,
    /// As much as is known.
    pub description: String,
    /// Where.
    pub place: Place,
    /// From the middle of the road outwards; `None` where nobody knows.
    pub lanes: Vec<Option<LaneState>>,
    /// When it begins or began.
    pub start: Timestamp,
    /// When it should end; `None` when nobody knows.
    pub end: Option<Timestamp>,
}

impl Facts {
    /// Refuses facts that cannot be: an end before the start, an empty title.
    pub fn check(&self) -> Result<(), Error> {
        if self.title.trim().is_empty() {
            return Err(Error::invalid("title", "must not be empty"));
        }
        if self.end.is_some_and(|end| end < self.start) {
            return Err(Error::invalid("end_time", "must not be before start_time"));
        }
        Ok(())
    }

    /// Names of the fields in which the other facts differ, as the contract's masks call them.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let Self { kind, priority, title, description, place, lanes, start, end } = self;
        let differs = [
            ("kind", *kind != other.kind),
            ("priority", *priority != other.priority),
            ("title", *title != other.title),
            ("description", *description != other.description),
            ("place", *place != other.place),
            ("lanes", *lanes != other.lanes),
            ("start_time", *start != other.start),
            ("end_time", *end != other.end),
        ];
        differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

/// Where an incident lies and who looks after it, by the areas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routing {
    /// The area; `None` outside all.
    pub area: Option<AreaId>,
    /// Who works on it; empty for nobody in particular.
    pub team: String,
}

/// Things of the traffic service that an incident is about, by their ids there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrafficLink {
    /// Jams.
    pub jams: Vec<String>,
    /// Segments, the one with the cause first.
    pub segments: Vec<String>,
    /// Detectors.
    pub detectors: Vec<String>,
}

impl TrafficLink {
    /// Whether traffic knows nothing of it.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}
