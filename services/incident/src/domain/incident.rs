//! Incidents and how they move.

use std::time::Duration;

use kvartal_kernel::{Error, Kind, Timestamp, Uuid, Version, typed_id};

use super::area::AreaId;
use super::numbered;
use super::place::Place;
use super::report::ReportId;
use super::timeline::{Act, Change, Entry, action};

/// How long a resolved incident stays visible, and a slip can be undone, before it is closed.
pub const CLOSING_GRACE: Duration = Duration::from_mins(5);
/// Most reports of one incident: they all move with it in one transaction.
pub const REPORTS_MAX: usize = 500;

mod facts;

pub use facts::{Facts, Routing, TrafficLink};

typed_id! {
    /// An incident.
    IncidentId
}

numbered! {
    /// How far an incident has come.
    IncidentStatus {
        /// Heard of.
        New = 1 "NEW",
        /// Seen to be true.
        Confirmed = 2 "CONFIRMED",
        /// Given to somebody.
        Assigned = 3 "ASSIGNED",
        /// Being worked on.
        InProgress = 4 "IN_PROGRESS",
        /// Cleared; stays visible for a grace period.
        Resolved = 5 "RESOLVED",
        /// Over.
        Closed = 6 "CLOSED",
        /// Was not true, or not ours.
        Rejected = 7 "REJECTED",
    }
}

numbered! {
    /// What happened.
    IncidentKind {
        /// A crash.
        Crash = 1 "CRASH",
        /// A vehicle that does not move.
        Stall = 2 "STALL",
        /// Something on the road.
        Hazard = 3 "HAZARD",
        /// Works on the road.
        Roadwork = 4 "ROADWORK",
        /// Weather.
        Weather = 5 "WEATHER",
        /// A closed road.
        Closure = 6 "CLOSURE",
        /// Lights, signs, surface.
        Infrastructure = 7 "INFRASTRUCTURE",
        /// A gathering of people.
        Event = 8 "EVENT",
        /// Anything else.
        Other = 9 "OTHER",
    }
}

numbered! {
    /// What comes first.
    Priority {
        /// Can wait.
        Low = 1 "LOW",
        /// Ordinary.
        Normal = 2 "NORMAL",
        /// Soon.
        High = 3 "HIGH",
        /// Now.
        Critical = 4 "CRITICAL",
    }
}

impl IncidentStatus {
    /// Where an incident may go from here. A closed or rejected one may be opened again, a resolved one within its
    /// grace taken up again.
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::New => &[Self::Confirmed, Self::Assigned, Self::InProgress, Self::Resolved, Self::Rejected],
            Self::Confirmed => &[Self::Assigned, Self::InProgress, Self::Resolved, Self::Rejected],
            Self::Assigned => &[Self::Confirmed, Self::InProgress, Self::Resolved, Self::Rejected],
            Self::InProgress => &[Self::Assigned, Self::Resolved, Self::Rejected],
            Self::Resolved => &[Self::Confirmed, Self::InProgress, Self::Closed],
            Self::Closed | Self::Rejected => &[Self::Confirmed],
        }
    }

    /// Whether something is still to be done.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Resolved | Self::Closed | Self::Rejected)
    }
}

/// An incident.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What is known.
    pub facts: Facts,
    /// How far it has come.
    pub status: IncidentStatus,
    /// The area it lies in; `None` outside all.
    pub area: Option<AreaId>,
    /// Who works on it: a user.
    pub assignee: Option<Uuid>,
    /// Who works on it: a team; may be empty.
    pub team: String,
    /// Reports about it.
    pub reports: Vec<ReportId>,
    /// Where it came from: empty for a person, else the feed's name.
    pub source: String,
    /// When it was logged.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
    /// How often it changed.
    pub version: Version,
    /// When a resolved one is closed; `None` for any other.
    pub close_due: Option<Timestamp>,
    /// What traffic knows of it.
    pub traffic: TrafficLink,
}

/// What others are told about an incident.
#[derive(Clone, PartialEq, Debug)]
pub enum IncidentEvent {
    /// It was logged.
    Created,
    /// Its facts or its reports changed.
    Updated,
    /// It moved.
    StatusChanged {
        /// Where from.
        previous: IncidentStatus,
        /// By whom.
        actor: String,
        /// What was said about it.
        comment: String,
    },
    /// It was given to somebody.
    Assigned {
        /// To whom; `None` for a team alone.
        assignee: Option<Uuid>,
        /// By whom.
        actor: String,
    },
}

impl Incident {
    /// Logs an incident.
    pub fn log(
        id: IncidentId,
        facts: Facts,
        routing: Routing,
        source: String,
        act: &Act,
    ) -> Result<(Self, Change<IncidentEvent>), Error> {
        facts.check()?;
        let incident = Self {
            id,
            facts,
            status: IncidentStatus::New,
            area: routing.area,
            assignee: None,
            team: routing.team,
            reports: Vec::new(),
            source,
            created: act.time,
            updated: act.time,
            version: Version::FIRST,
            close_due: None,
            traffic: TrafficLink::default(),
        };
        let entry = Entry::new(act.time, act, action::CREATED).moved("", incident.status.name());
        Ok((incident, Change::new(entry, IncidentEvent::Created)))
    }

    /// Replaces the facts. Nothing happens when they are the same.
    pub fn update(&mut self, facts: Facts, routing: Routing, act: &Act) -> Result<Change<IncidentEvent>, Error> {
        facts.check()?;
        let differences = self.facts.differences(&facts);
        if differences.is_empty() {
            return Ok(Change::default());
        }
        if differences.contains(&"place") {
            self.area = routing.area;
            if self.team.is_empty() {
                self.team = routing.team;
            }
        }
        self.facts = facts;
        let entry = self.touch(act, action::UPDATED).moved("", differences.join(","));
        Ok(Change::new(entry, IncidentEvent::Updated))
    }

    /// Moves to another status, if the status machine knows the move.
    pub fn transition(&mut self, to: IncidentStatus, comment: &str, act: &Act) -> Result<Change<IncidentEvent>, Error> {
        if !self.status.next().contains(&to) {
            return Err(not_allowed(self.status.name(), to.name(), self.status.next().iter().map(|s| s.name())));
        }
        if to == IncidentStatus::Assigned && self.assignee.is_none() && self.team.is_empty() {
            return Err(nobody());
        }
        Ok(self.enter(to, comment, act))
    }

    /// Closes an open or resolved incident that its feed no longer knows. Nothing happens when it is over already.
    pub fn close_gone(&mut self, act: &Act) -> Change<IncidentEvent> {
        if matches!(self.status, IncidentStatus::Closed | IncidentStatus::Rejected) {
            return Change::default();
        }
        self.enter(IncidentStatus::Closed, "gone from the feed", act)
    }

    /// Closes a resolved incident whose grace is over. Nothing happens before.
    pub fn close_due(&mut self, act: &Act) -> Change<IncidentEvent> {
        match self.close_due {
            Some(due) if due <= act.time && self.status == IncidentStatus::Resolved => {
                self.enter(IncidentStatus::Closed, "", act)
            }
            _ => Change::default(),
        }
    }

    /// Gives it to a person, a team or both, and moves it to ASSIGNED. An empty team stays as it was.
    pub fn assign(&mut self, assignee: Option<Uuid>, team: &str, act: &Act) -> Result<Change<IncidentEvent>, Error> {
        let moves = self.status != IncidentStatus::Assigned;
        if moves && !self.status.next().contains(&IncidentStatus::Assigned) {
            let next = self.status.next().iter().map(|s| s.name());
            return Err(not_allowed(self.status.name(), IncidentStatus::Assigned.name(), next));
        }
        let team = if team.is_empty() { self.team.clone() } else { team.to_owned() };
        if assignee.is_none() && team.is_empty() {
            return Err(nobody());
        }
        if !moves && assignee == self.assignee && team == self.team {
            return Ok(Change::default());
        }
        let before = responsible(self.assignee, &self.team);
        self.assignee = assignee;
        self.team = team;
        let entry = self.touch(act, action::ASSIGNMENT).moved(before, responsible(assignee, &self.team));
        let mut change = Change::new(entry, IncidentEvent::Assigned { assignee, actor: act.actor.clone() });
        if moves {
            change.and(self.enter(IncidentStatus::Assigned, "", act));
        }
        Ok(change)
    }

    /// Adds a report. Nothing happens when it is there already.
    pub fn link(&mut self, report: ReportId, act: &Act) -> Result<Change<IncidentEvent>, Error> {
        if self.reports.contains(&report) {
            return Ok(Change::default());
        }
        if self.reports.len() >= REPORTS_MAX {
            let message = format!("an incident has at most {REPORTS_MAX} reports");
            return Err(Error::new(Kind::FailedPrecondition, "TOO_MANY_REPORTS", message));
        }
        self.reports.push(report);
        let entry = self.touch(act, action::LINK).moved("", report);
        Ok(Change::new(entry, IncidentEvent::Updated))
    }

    /// Takes a report away. Nothing happens when it is not there.
    pub fn unlink(&mut self, report: ReportId, act: &Act) -> Change<IncidentEvent> {
        let Some(position) = self.reports.iter().position(|known| *known == report) else {
            return Change::default();
        };
        self.reports.remove(position);
        let entry = self.touch(act, action::UNLINK).moved(report, "");
        Change::new(entry, IncidentEvent::Updated)
    }

    /// What filters look at; the rest is left empty.
    pub fn outline(&self) -> Self {
        let mut outline = self.clone();
        outline.facts.place.points = corners(&self.facts.place);
        outline.facts.title = String::new();
        outline.facts.description = String::new();
        outline.reports = Vec::new();
        outline.traffic = TrafficLink::default();
        outline
    }

    /// Whether no filter tells the two apart.
    pub fn filters_like(&self, other: &Self) -> bool {
        let key = |incident: &Self| {
            (incident.status, incident.facts.kind, incident.facts.priority, incident.area, incident.assignee)
        };
        key(self) == key(other)
            && self.source == other.source
            && self.facts.place.bounds() == other.facts.place.bounds()
    }

    fn enter(&mut self, to: IncidentStatus, comment: &str, act: &Act) -> Change<IncidentEvent> {
        let previous = self.status;
        self.status = to;
        if to == IncidentStatus::Confirmed {
            // Seen to be true and in nobody's hands: also what giving a job back means.
            self.assignee = None;
        }
        let entry = self.touch(act, action::STATUS).moved(previous.name(), to.name()).said(comment);
        self.close_due = (to == IncidentStatus::Resolved).then(|| self.updated.plus(CLOSING_GRACE));
        let event = IncidentEvent::StatusChanged { previous, actor: act.actor.clone(), comment: comment.to_owned() };
        Change::new(entry, event)
    }

    /// Counts the change. Its time is later than that of every change before, however the clocks of the machines
    /// differ: lists and timelines keep their order.
    fn touch(&mut self, act: &Act, action: &'static str) -> Entry {
        self.updated = act.time.max(Timestamp(self.updated.0 + 1));
        self.version = self.version.next();
        Entry::new(self.updated, act, action)
    }
}

fn corners(place: &Place) -> Vec<super::geo::LatLng> {
    let bounds = place.bounds();
    let corner = |latitude, longitude| super::geo::LatLng { latitude, longitude };
    vec![corner(bounds.south, bounds.west), corner(bounds.north, bounds.east)]
}

fn responsible(assignee: Option<Uuid>, team: &str) -> String {
    match (assignee, team) {
        (Some(assignee), "") => assignee.to_string(),
        (Some(assignee), team) => format!("{assignee} ({team})"),
        (None, team) => team.to_owned(),
    }
}

fn nobody() -> Error {
    Error::new(Kind::FailedPrecondition, "NOBODY_ASSIGNED", "name a person or a team to give the incident to")
}

/// A move that a status machine does not know, with those it does.
pub(super) fn not_allowed(from: &'static str, to: &'static str, allowed: impl Iterator<Item = &'static str>) -> Error {
    let allowed = allowed.collect::<Vec<_>>().join(",");
    let message = format!("cannot go from {from} to {to}; allowed: {allowed}");
    Error::new(Kind::FailedPrecondition, "TRANSITION_NOT_ALLOWED", message)
        .with("from", from)
        .with("to", to)
        .with("allowed", allowed)
}
