//! Citizens' reports.

use std::collections::BTreeMap;
use std::time::Duration;

use kvartal_kernel::{Timestamp, Uuid, Version, typed_id};

use super::area::AreaId;
use super::category::Category;
use super::geo::LatLng;
use super::incident::{IncidentId, IncidentStatus, Routing};
use super::numbered;
use super::photo::PhotoId;
use super::timeline::{Act, Change, Entry, action};
use super::tracking::TrackingNumber;
use super::working_days::after_working_days;

mod moves;

/// How long the reporter may say that a fix does not hold.
pub const OBJECTION_WINDOW: Duration = Duration::from_hours(15 * 24);
/// So many more "not there" than "there" end a road hazard.
pub const REFUTALS_TO_EXPIRE: u32 = 3;

typed_id! {
    /// A report.
    ReportId
}

numbered! {
    /// How far a report has come.
    ReportStatus {
        /// Filed.
        Received = 1 "RECEIVED",
        /// Read and true.
        Accepted = 2 "ACCEPTED",
        /// Being worked on.
        InProgress = 3 "IN_PROGRESS",
        /// Said to be fixed; the reporter has 15 days to say no.
        Fixed = 4 "FIXED",
        /// Over.
        Closed = 5 "CLOSED",
        /// Not ours, not true, not clear; the answer says which.
        Rejected = 6 "REJECTED",
        /// The same as another report.
        Duplicate = 7 "DUPLICATE",
        /// A road hazard nobody confirmed in time.
        Expired = 8 "EXPIRED",
    }
}

impl ReportStatus {
    /// Where a report may go from here by the city's word. EXPIRED is the platform's own.
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Received => &[Self::Accepted, Self::InProgress, Self::Fixed, Self::Rejected, Self::Duplicate],
            Self::Accepted => &[Self::InProgress, Self::Fixed, Self::Rejected, Self::Duplicate],
            Self::InProgress => &[Self::Accepted, Self::Fixed, Self::Rejected, Self::Duplicate],
            Self::Fixed => &[Self::Accepted, Self::InProgress, Self::Closed],
            Self::Closed | Self::Rejected | Self::Duplicate | Self::Expired => &[Self::Accepted],
        }
    }

    /// Where reports stand whose incident stands there.
    pub fn following(incident: IncidentStatus) -> Self {
        match incident {
            IncidentStatus::New | IncidentStatus::Confirmed | IncidentStatus::Assigned => Self::Accepted,
            IncidentStatus::InProgress => Self::InProgress,
            IncidentStatus::Resolved | IncidentStatus::Closed => Self::Fixed,
            IncidentStatus::Rejected => Self::Rejected,
        }
    }

    /// Whether something is still to be done.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Received | Self::Accepted | Self::InProgress)
    }
}

/// A citizen's report.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// What to quote on the telephone.
    pub number: TrackingNumber,
    /// What it is about: the category's id.
    pub category: String,
    /// How far it has come.
    pub status: ReportStatus,
    /// In the reporter's words.
    pub description: String,
    /// Where.
    pub location: LatLng,
    /// What people would say; may be empty.
    pub address: String,
    /// Its photos.
    pub photos: Vec<PhotoId>,
    /// Answers to the category's questions.
    pub answers: BTreeMap<String, String>,
    /// Whose it is; `None` for somebody not signed in.
    pub reporter: Option<Uuid>,
    /// Whether the reporter is to be shown to nobody.
    pub anonymous: bool,
    /// The area it lies in; `None` outside all.
    pub area: Option<AreaId>,
    /// Who works on it; may be empty.
    pub team: String,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// The report it repeats.
    pub duplicate_of: Option<ReportId>,
    /// The city's last word; may be empty.
    pub answer: String,
    /// When an answer is due.
    pub answer_due: Timestamp,
    /// How many follow it.
    pub subscribers: u32,
    /// How many said it is there, or fixed.
    pub confirmed: u32,
    /// How many said it is not.
    pub refuted: u32,
    /// Counts the questions put to the public: "is it there" and "is it fixed" alternate, each with its own votes.
    pub round: u32,
    /// Hidden from the public.
    pub hidden: bool,
    /// Minutes after which an unconfirmed hazard expires; 0 for never.
    pub expire_minutes: u32,
    /// When it expires; `None` for never.
    pub expire_due: Option<Timestamp>,
    /// When a fixed one is closed; `None` for any other.
    pub close_due: Option<Timestamp>,
    /// When it was filed.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
    /// How often it changed.
    pub version: Version,
}

/// What others are told about a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReportEvent {
    /// It was filed.
    Received,
    /// It moved, or the city said something.
    StatusChanged {
        /// Where from.
        previous: ReportStatus,
        /// By whom.
        actor: String,
    },
}

/// What somebody files.
#[derive(Clone, PartialEq, Debug)]
pub struct Filing {
    /// In the reporter's words.
    pub description: String,
    /// Where.
    pub location: LatLng,
    /// What people would say; may be empty.
    pub address: String,
    /// Photos uploaded before.
    pub photos: Vec<PhotoId>,
    /// Answers to the category's questions, checked.
    pub answers: BTreeMap<String, String>,
    /// Whose it is; `None` for somebody not signed in.
    pub reporter: Option<Uuid>,
    /// Whether the reporter is to be shown to nobody.
    pub anonymous: bool,
}

impl Report {
    /// Files a report. The category's team works on it, else the area's.
    pub fn file(
        id: ReportId,
        filing: Filing,
        category: &Category,
        routing: Routing,
        act: &Act,
    ) -> (Self, Change<ReportEvent>) {
        let Filing { description, location, address, photos, answers, reporter, anonymous } = filing;
        let mut report = Self {
            id,
            number: TrackingNumber::of(id.0),
            category: category.id.clone(),
            status: ReportStatus::Received,
            description,
            location,
            address,
            photos,
            answers,
            reporter,
            anonymous,
            area: routing.area,
            team: if category.team.is_empty() { routing.team } else { category.team.clone() },
            incident: None,
            duplicate_of: None,
            answer: String::new(),
            answer_due: after_working_days(act.time, category.answer_working_days),
            subscribers: 0,
            confirmed: 0,
            refuted: 0,
            round: 0,
            hidden: false,
            expire_minutes: category.expire_minutes,
            expire_due: None,
            close_due: None,
            created: act.time,
            updated: act.time,
            version: Version::FIRST,
        };
        report.restart_expiry();
        let act = report.shown(act);
        let entry = Entry::new(report.created, &act, action::CREATED).moved("", report.status.name());
        (report, Change::new(entry, ReportEvent::Received))
    }

    /// The same under a new id, after its tracking number turned out to be taken.
    pub fn renumber(&mut self, id: ReportId) {
        self.id = id;
        self.number = TrackingNumber::of(id.0);
    }

    /// The reporter, for those who may know: nobody for an anonymous report.
    pub fn named_reporter(&self) -> Option<Uuid> {
        if self.anonymous { None } else { self.reporter }
    }

    /// The act as the records may show it: what an anonymous reporter does to the own report names nobody.
    pub fn shown(&self, act: &Act) -> Act {
        let own = self.reporter.is_some_and(|reporter| reporter.to_string() == act.actor);
        if own && self.anonymous { Act::platform(act.time) } else { act.clone() }
    }

    /// What filters look at; the rest is left empty.
    pub fn outline(&self) -> Self {
        Self {
            description: String::new(),
            address: String::new(),
            photos: Vec::new(),
            answers: BTreeMap::new(),
            answer: String::new(),
            ..self.clone()
        }
    }

    /// Whether no filter and no viewer tells the two apart.
    pub fn filters_like(&self, other: &Self) -> bool {
        let key = |report: &Self| (report.status, report.area, report.incident, report.reporter, report.hidden);
        key(self) == key(other) && self.category == other.category && self.location == other.location
    }

    /// Counts the change; see [`super::incident::Incident`] for why its time is later than that of every change before.
    fn touch(&mut self, act: &Act, action: &'static str) -> Entry {
        self.updated = act.time.max(Timestamp(self.updated.0 + 1));
        self.version = self.version.next();
        Entry::new(self.updated, &self.shown(act), action)
    }

    /// Sets the hour glass of a hazard that nobody works on; takes it away from anything else.
    fn restart_expiry(&mut self) {
        let waits = matches!(self.status, ReportStatus::Received | ReportStatus::Accepted) && self.incident.is_none();
        let minutes = u64::from(self.expire_minutes);
        self.expire_due = (waits && minutes > 0).then(|| self.updated.plus(Duration::from_mins(minutes)));
    }
}
