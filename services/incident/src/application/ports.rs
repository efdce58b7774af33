//! The ports: what the service needs from storage.

use async_trait::async_trait;
use kvartal_kernel::{Error, Page, PageRequest, Timestamp, Uuid};

use crate::domain::area::Area;
use crate::domain::case::{Case, TrackedIncident, TrackedReport};
use crate::domain::category::Category;
use crate::domain::feed::{ExportedIncident, ImportCounts, ImportPlan, KnownEvent};
use crate::domain::filter::{IncidentFilter, ReportFilter, Viewer};
use crate::domain::geo::Bounds;
use crate::domain::incident::{Incident, IncidentId, IncidentKind};
use crate::domain::photo::{Photo, PhotoId, PhotoSize, ProcessedPhoto};
use crate::domain::report::{Report, ReportId};
use crate::domain::template::{AnswerTemplate, TemplateId};
use crate::domain::timeline::{Act, Entry};
use crate::domain::tracking::TrackingNumber;

/// What makes repeating a creation safe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestKey {
    /// Who asked ([`kvartal_kernel::Caller::actor_id`]).
    pub caller: String,
    /// The caller's name for the request.
    pub id: Uuid,
    /// What was asked for: another content under the same name is refused.
    pub fingerprint: [u8; 32],
}

/// Decides a change while the rows it concerns are held; what it leaves in the case is stored with its timeline
/// entries and events in one transaction, or nothing is. It may run where it blocks others: no waiting in it.
pub type Decide = Box<dyn FnOnce(&mut Case) -> Result<(), Error> + Send>;

/// Decides what an edition of a feed means, given what is known of it.
pub type DecideImport = Box<dyn FnOnce(Vec<KnownEvent>) -> Result<ImportPlan, Error> + Send>;

/// What a change is about, and so which rows are read and held for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// An incident with all of its reports.
    Incident(IncidentId),
    /// A report, and the one it may repeat.
    Report {
        /// The report.
        report: ReportId,
        /// The other; left out of the case when it does not exist.
        original: Option<ReportId>,
    },
    /// A report with what this person said about it in its present round.
    Vote {
        /// The report.
        report: ReportId,
        /// Who.
        voter: Uuid,
    },
    /// A report with its incident, if it has one.
    Linked(ReportId),
    /// A report with an incident it may not belong to yet; without the incident's other reports.
    Link {
        /// The report.
        report: ReportId,
        /// The incident.
        incident: IncidentId,
    },
}

/// What changes: incidents with the reports that follow them. Every method is one transaction: data, timeline, change
/// log and outbox.
#[async_trait]
pub trait Cases: Send + Sync {
    /// Logs an incident and ties reports to it. With a key seen before, nothing happens and the first incident is
    /// returned; `AlreadyExists` with reason `REQUEST_ID_REUSED` when the content differs.
    async fn create_incident(
        &self,
        key: Option<RequestKey>,
        incident: TrackedIncident,
        reports: Vec<ReportId>,
        act: Act,
    ) -> Result<Incident, Error>;

    /// Files a report with its photos, which must be the owner's, unused and not older than a day. Keys work as for
    /// incidents. A tracking number that is taken is replaced.
    async fn create_report(
        &self,
        key: Option<RequestKey>,
        report: TrackedReport,
        photo_owner: String,
    ) -> Result<Report, Error>;

    /// Reads what the scope names, decides, stores. `NotFound` when the scope names something that is not there.
    async fn change(&self, scope: Scope, decide: Decide) -> Result<Case, Error>;

    /// Reads what is known of a source and of these events of it, decides, stores unless `validate_only`.
    async fn import(
        &self,
        source: String,
        events: Vec<String>,
        validate_only: bool,
        now: Timestamp,
        decide: DecideImport,
    ) -> Result<ImportCounts, Error>;

    /// Adds a remark to an incident's timeline.
    async fn comment(&self, incident: IncidentId, entry: Entry) -> Result<(), Error>;

    /// Adds what an event says to an incident's timeline: once, however often the event comes, and nothing where there is
    /// no such incident.
    async fn note(&self, event: Uuid, incident: IncidentId, entry: Entry) -> Result<(), Error>;

    /// Lets somebody follow a report, or no longer; how many follow it then. Repeating changes nothing.
    async fn follow(&self, report: ReportId, follower: Uuid, follows: bool, now: Timestamp) -> Result<u32, Error>;
}

/// Incidents as they are read.
#[async_trait]
pub trait Incidents: Send + Sync {
    /// One incident.
    async fn find(&self, id: IncidentId) -> Result<Option<Incident>, Error>;

    /// By last change, newest first.
    async fn page(&self, filter: &IncidentFilter, page: PageRequest) -> Result<Page<Incident>, Error>;

    /// Every change, oldest first.
    async fn timeline(&self, id: IncidentId, page: PageRequest) -> Result<Page<Entry>, Error>;

    /// Resolved ones whose grace is over, the first due first.
    async fn due(&self, now: Timestamp, limit: u64) -> Result<Vec<IncidentId>, Error>;

    /// Those of these kinds that are not over, with what they were imported from, by id; after this one.
    async fn export(
        &self,
        kinds: &[IncidentKind],
        after: Option<IncidentId>,
        limit: u64,
    ) -> Result<Vec<ExportedIncident>, Error>;
}

/// Reports as they are read.
#[async_trait]
pub trait Reports: Send + Sync {
    /// One report.
    async fn find(&self, id: ReportId) -> Result<Option<Report>, Error>;

    /// One report by its tracking number.
    async fn find_number(&self, number: &TrackingNumber) -> Result<Option<Report>, Error>;

    /// By last change, newest first; only those the viewer sees.
    async fn page(&self, filter: &ReportFilter, viewer: Viewer, page: PageRequest) -> Result<Page<Report>, Error>;

    /// By the time they were filed, newest first; only those the viewer sees.
    async fn newest(&self, filter: &ReportFilter, viewer: Viewer, limit: u64) -> Result<Vec<Report>, Error>;

    /// Open ones in the box that are shown to everyone, the last changed first.
    async fn open_in(&self, bounds: Bounds, limit: u64) -> Result<Vec<Report>, Error>;

    /// Every change, oldest first, at most this many.
    async fn timeline(&self, id: ReportId, limit: u64) -> Result<Vec<Entry>, Error>;

    /// Hazards that nobody confirmed in time, the first due first.
    async fn expiring(&self, now: Timestamp, limit: u64) -> Result<Vec<ReportId>, Error>;

    /// Fixed ones nobody objected to in time, the first due first.
    async fn unobjected(&self, now: Timestamp, limit: u64) -> Result<Vec<ReportId>, Error>;
}

/// What reports can be about, and the parts of the city.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// By group and id.
    async fn categories(&self) -> Result<Vec<Category>, Error>;

    /// Adds or replaces.
    async fn put_category(&self, category: Category) -> Result<(), Error>;

    /// By name.
    async fn areas(&self) -> Result<Vec<Area>, Error>;

    /// Adds or replaces.
    async fn put_area(&self, area: Area) -> Result<(), Error>;

    /// Prepared answers, by title.
    async fn templates(&self) -> Result<Vec<AnswerTemplate>, Error>;

    /// Adds or replaces; refuses to keep more than [`crate::domain::template::TEMPLATES_MAX`].
    async fn put_template(&self, template: AnswerTemplate) -> Result<(), Error>;

    /// Removes; nothing happens when there is none.
    async fn delete_template(&self, id: TemplateId) -> Result<(), Error>;
}

/// Where photos live.
#[async_trait]
pub trait Photos: Send + Sync {
    /// Stores a processed picture.
    async fn store(&self, photo: Photo, picture: ProcessedPhoto) -> Result<(), Error>;

    /// What is known about a photo.
    async fn find(&self, id: PhotoId) -> Result<Option<Photo>, Error>;

    /// The picture, JPEG.
    async fn content(&self, id: PhotoId, size: PhotoSize) -> Result<Option<Vec<u8>>, Error>;

    /// Removes at most this many that belong to no report and were uploaded before the moment; how many it removed.
    async fn remove_unlinked(&self, before: Timestamp, limit: u64) -> Result<u64, Error>;
}

/// Makes pictures harmless.
#[async_trait]
pub trait PhotoProcessor: Send + Sync {
    /// Reads the type from the content, decodes, makes it smaller, encodes it without anything that is not picture.
    /// `InvalidArgument` for what is no JPEG, PNG or WebP or too large.
    async fn process(&self, content: Vec<u8>) -> Result<ProcessedPhoto, Error>;
}

/// An incident or a report in the change log.
#[derive(Clone, PartialEq, Debug)]
pub enum Snapshot {
    /// An incident.
    Incident(Box<Incident>),
    /// A report.
    Report(Box<Report>),
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Incidents.
    Incident,
    /// Reports.
    Report,
}

impl Snapshot {
    /// Which of the two.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Incident(_) => Subject::Incident,
            Self::Report(_) => Subject::Report,
        }
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Incident(incident) => incident.id.0,
            Self::Report(report) => report.id.0,
        }
    }
}

/// An entry of the change log.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    /// Its place in the log.
    pub position: i64,
    /// Outline of what was before, where the change touched what filters look at; `None` for something new.
    pub was: Option<Snapshot>,
    /// As it was after the change.
    pub now: Snapshot,
}

/// What reading the end of the log gave.
#[derive(Clone, PartialEq, Debug)]
pub struct Tail {
    /// Everything up to here is known: no later commit will put anything before it.
    pub settled: i64,
    /// What came since, by position.
    pub changes: Vec<Logged>,
    /// How soon to ask again.
    pub next: NextRead,
}

/// How soon the end of the log is worth another look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NextRead {
    /// There is more to read now.
    Now,
    /// Something is there that has not settled: within milliseconds.
    Soon,
    /// When something is committed.
    OnCommit,
}

/// The log of every change, in the order in which streams tell them.
#[async_trait]
pub trait Changes: Send + Sync {
    /// The last settled position, for a reader that starts now; `None` while it cannot be told yet: ask again.
    async fn start(&self) -> Result<Option<i64>, Error>;

    /// What has settled after `settled`. One reader in each process asks again and again.
    async fn tail(&self, settled: i64) -> Result<Tail, Error>;

    /// What happened to subjects of this kind after one settled position, up to another; at most `limit`.
    async fn between(&self, subject: Subject, after: i64, to: i64, limit: u64) -> Result<Vec<Logged>, Error>;

    /// The first and the last position still in the log; after the first it is complete. `None` when it is empty.
    async fn range(&self) -> Result<Option<(i64, i64)>, Error>;

    /// Removes at most this many entries older than the moment, from the first on, but not the last of them; how many it
    /// removed.
    async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error>;
}
