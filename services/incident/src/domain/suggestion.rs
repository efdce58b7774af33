//! What the roads say might be an incident: jams that nothing known explains, detectors that fail together.
//!
//! The rules are ours. A jam is suggested when no open incident lies within [`CAUSE_M`] of its head: such an incident
//! explains it. Jams that share a segment, found by several rules, are one suggestion. Detectors are suggested when at least
//! [`GROUP`] that failed within [`GROUP_TIME`] stand within [`GROUP_M`] of one of them: a cable, a cabinet, a power cut.

use std::time::Duration;

use kvartal_kernel::{Error, Kind, Timestamp, Version, typed_id};

use super::geo::LatLng;
use super::incident::{IncidentId, IncidentKind, TrafficLink};
use super::numbered;
use super::timeline::Act;

/// An open incident so near the head of a jam is its cause, metres.
pub const CAUSE_M: f64 = 400.0;
/// Detectors that fail together.
pub const GROUP: usize = 3;
/// How near each other, metres.
pub const GROUP_M: f64 = 1_000.0;
/// How soon after each other.
pub const GROUP_TIME: Duration = Duration::from_mins(30);
/// What was dismissed is not suggested again at the same place for this long.
pub const DISMISSED_LIFE: Duration = Duration::from_hours(2);
/// How long it is remembered what became of a suggestion.
pub const DECIDED_LIFE: Duration = Duration::from_hours(30 * 24);
/// Most jams or detectors of one suggestion.
pub const MEMBERS_MAX: usize = 200;

typed_id! {
    /// A suggestion.
    SuggestionId
}

numbered! {
    /// What was seen.
    SuggestionKind {
        /// A jam.
        Jam = 1 "JAM",
        /// Detectors that failed.
        Detectors = 2 "DETECTORS",
    }
}

numbered! {
    /// What became of it.
    SuggestionStatus {
        /// Waits for a dispatcher.
        Open = 1 "OPEN",
        /// Became an incident.
        Accepted = 2 "ACCEPTED",
        /// Is none.
        Dismissed = 3 "DISMISSED",
        /// Went away by itself.
        Expired = 4 "EXPIRED",
    }
}

/// A jam, as far as it matters here.
#[derive(Clone, PartialEq, Debug)]
pub struct JamSeen {
    /// Traffic's id of it.
    pub id: String,
    /// What people would say about the place.
    pub name: String,
    /// The corridor; may be empty.
    pub road: String,
    /// Where its head is.
    pub head: LatLng,
    /// From its head against the traffic.
    pub segments: Vec<String>,
    /// How long the queue is.
    pub queue_m: f64,
}

/// A detector that failed.
#[derive(Clone, PartialEq, Debug)]
pub struct FailedDetector {
    /// Traffic's id of it.
    pub id: String,
    /// What people would say.
    pub name: String,
    /// Where it stands.
    pub place: LatLng,
    /// The segment it measures; may be empty.
    pub segment: String,
    /// When it failed.
    pub time: Timestamp,
}

/// A jam or a detector of a suggestion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Traffic's id of it.
    pub id: String,
    /// What people would say.
    pub name: String,
    /// The jam ended, or the detector recovered.
    pub gone: bool,
}

/// Something that might be an incident.
#[derive(Clone, PartialEq, Debug)]
pub struct Suggestion {
    /// Which.
    pub id: SuggestionId,
    /// What was seen.
    pub kind: SuggestionKind,
    /// What became of it.
    pub status: SuggestionStatus,
    /// The jams or the detectors, the first to be seen first.
    pub members: Vec<Member>,
    /// The head of the jam, or where the detectors stand; never empty.
    pub points: Vec<LatLng>,
    /// The road; may be empty.
    pub road: String,
    /// The segments, the head's first.
    pub segments: Vec<String>,
    /// How long the queue was when it was suggested.
    pub queue_m: f64,
    /// The incident it became.
    pub incident: Option<IncidentId>,
    /// Why it is none.
    pub reason: String,
    /// Who decided; empty while nobody has.
    pub actor: String,
    /// When it was suggested.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
    /// How often it changed.
    pub version: Version,
}

impl Suggestion {
    /// A jam that nothing explains.
    pub fn of_jam(id: SuggestionId, jam: JamSeen, now: Timestamp) -> Self {
        let JamSeen { id: jam, name, road, head, segments, queue_m } = jam;
        let members = vec![Member { id: jam, name, gone: false }];
        Self { road, segments, queue_m, ..Self::new(id, SuggestionKind::Jam, members, vec![head], now) }
    }

    /// Detectors that failed together; `None` when they are too few.
    pub fn of_detectors(id: SuggestionId, failed: &[FailedDetector], now: Timestamp) -> Option<Self> {
        if failed.len() < GROUP {
            return None;
        }
        let mut suggestion = Self::new(id, SuggestionKind::Detectors, Vec::new(), Vec::new(), now);
        for detector in failed {
            suggestion.add(detector);
        }
        Some(suggestion)
    }

    fn new(id: SuggestionId, kind: SuggestionKind, members: Vec<Member>, points: Vec<LatLng>, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            status: SuggestionStatus::Open,
            members,
            points,
            road: String::new(),
            segments: Vec::new(),
            queue_m: 0.0,
            incident: None,
            reason: String::new(),
            actor: String::new(),
            created: now,
            updated: now,
            version: Version::FIRST,
        }
    }

    /// What people would say about it.
    pub fn name(&self) -> String {
        /// Names told; of the others only that there are more.
        const NAMES_MAX: usize = 3;
        match self.kind {
            SuggestionKind::Jam => self.members.first().map(|member| member.name.clone()).unwrap_or_default(),
            SuggestionKind::Detectors => {
                let mut names: Vec<&str> = self.members.iter().take(NAMES_MAX).map(|it| it.name.as_str()).collect();
                if self.members.len() > NAMES_MAX {
                    names.push("…");
                }
                names.join(", ")
            }
        }
    }

    /// What an incident that it becomes is linked to.
    pub fn link(&self) -> TrafficLink {
        let ids = self.members.iter().map(|member| member.id.clone()).collect();
        let segments = self.segments.clone();
        match self.kind {
            SuggestionKind::Jam => TrafficLink { jams: ids, segments, detectors: Vec::new() },
            SuggestionKind::Detectors => TrafficLink { jams: Vec::new(), segments, detectors: ids },
        }
    }

    /// What kind of incident it is when the dispatcher does not say.
    pub fn incident_kind(&self) -> IncidentKind {
        match self.kind {
            SuggestionKind::Jam => IncidentKind::Hazard,
            SuggestionKind::Detectors => IncidentKind::Infrastructure,
        }
    }

    /// Whether the jam is a part of this one.
    pub fn covers(&self, jam: &JamSeen) -> bool {
        self.kind == SuggestionKind::Jam && self.segments.iter().any(|segment| jam.segments.contains(segment))
    }

    /// Whether the detector stands with these.
    pub fn is_near(&self, place: LatLng) -> bool {
        self.points.iter().any(|point| point.distance_m(place) <= GROUP_M)
    }

    /// Takes in another jam of the same place. Nothing happens when it is known, or when there are too many.
    pub fn join_jam(&mut self, jam: JamSeen, now: Timestamp) {
        if self.members.iter().any(|member| member.id == jam.id) || self.members.len() >= MEMBERS_MAX {
            return;
        }
        self.members.push(Member { id: jam.id, name: jam.name, gone: false });
        for segment in jam.segments {
            if !self.segments.contains(&segment) {
                self.segments.push(segment);
            }
        }
        self.queue_m = self.queue_m.max(jam.queue_m);
        self.touch(now);
    }

    /// Takes in another detector. Nothing happens when it is known and still failed, or when there are too many.
    pub fn join_detector(&mut self, detector: &FailedDetector, now: Timestamp) {
        if let Some(member) = self.members.iter_mut().find(|member| member.id == detector.id) {
            if member.gone {
                member.gone = false;
                self.touch(now);
            }
        } else if self.members.len() < MEMBERS_MAX {
            self.add(detector);
            self.touch(now);
        }
    }

    fn add(&mut self, detector: &FailedDetector) {
        let FailedDetector { id, name, place, segment, time: _ } = detector;
        self.members.push(Member { id: id.clone(), name: name.clone(), gone: false });
        self.points.push(*place);
        if !segment.is_empty() && !self.segments.contains(segment) {
            self.segments.push(segment.clone());
        }
    }

    /// The jam ended, or the detector recovered. An open suggestion of which nothing is left expires.
    pub fn leave(&mut self, id: &str, now: Timestamp) {
        let Some(member) = self.members.iter_mut().find(|member| member.id == id && !member.gone) else { return };
        member.gone = true;
        if self.status == SuggestionStatus::Open && self.members.iter().all(|member| member.gone) {
            self.status = SuggestionStatus::Expired;
        }
        self.touch(now);
    }

    /// Became this incident.
    pub fn accept(&mut self, incident: IncidentId, etag: &str, act: &Act) -> Result<(), Error> {
        self.check_open(etag)?;
        self.status = SuggestionStatus::Accepted;
        self.incident = Some(incident);
        self.actor.clone_from(&act.actor);
        self.touch(act.time);
        Ok(())
    }

    /// Is no incident. The same again changes nothing.
    pub fn dismiss(&mut self, reason: &str, etag: &str, act: &Act) -> Result<(), Error> {
        if self.status == SuggestionStatus::Dismissed && self.reason == reason {
            return Ok(());
        }
        self.check_open(etag)?;
        self.status = SuggestionStatus::Dismissed;
        self.reason = reason.to_owned();
        self.actor.clone_from(&act.actor);
        self.touch(act.time);
        Ok(())
    }

    fn check_open(&self, etag: &str) -> Result<(), Error> {
        if self.status != SuggestionStatus::Open {
            let message = "somebody decided already, or it went away by itself";
            let error = Error::new(Kind::FailedPrecondition, "SUGGESTION_NOT_OPEN", message);
            return Err(error.with("status", self.status.name()));
        }
        self.version.check(etag)
    }

    fn touch(&mut self, now: Timestamp) {
        self.updated = now.max(Timestamp(self.updated.0 + 1));
        self.version = self.version.next();
    }
}
