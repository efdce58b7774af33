//! Which incidents and reports somebody asks for.

use kvartal_kernel::{Timestamp, Uuid};

use super::area::AreaId;
use super::geo::Bounds;
use super::incident::{Incident, IncidentId, IncidentKind, IncidentStatus, Priority};
use super::report::{Report, ReportStatus};

/// Which incidents; what is empty does not restrict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IncidentFilter {
    /// In one of these.
    pub statuses: Vec<IncidentStatus>,
    /// Of one of these.
    pub kinds: Vec<IncidentKind>,
    /// At least this.
    pub min_priority: Option<Priority>,
    /// In this area.
    pub area: Option<AreaId>,
    /// In this box.
    pub bounds: Option<Bounds>,
    /// Given to this person.
    pub assignee: Option<Uuid>,
    /// From this feed.
    pub source: Option<String>,
}

impl IncidentFilter {
    /// Whether the incident is asked for.
    pub fn matches(&self, incident: &Incident) -> bool {
        let Self { statuses, kinds, min_priority, area, bounds, assignee, source } = self;
        allows(statuses, &incident.status)
            && allows(kinds, &incident.facts.kind)
            && min_priority.is_none_or(|least| incident.facts.priority >= least)
            && area.is_none_or(|area| incident.area == Some(area))
            && bounds.is_none_or(|bounds| bounds.overlaps(&incident.facts.place.bounds()))
            && assignee.is_none_or(|assignee| incident.assignee == Some(assignee))
            && source.as_ref().is_none_or(|source| incident.source == *source)
    }
}

/// Which reports; what is empty does not restrict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReportFilter {
    /// In one of these.
    pub statuses: Vec<ReportStatus>,
    /// About one of these.
    pub categories: Vec<String>,
    /// In this area.
    pub area: Option<AreaId>,
    /// In this box.
    pub bounds: Option<Bounds>,
    /// Filed by this person.
    pub reporter: Option<Uuid>,
    /// Belonging to this incident.
    pub incident: Option<IncidentId>,
    /// Filed at this moment or later.
    pub created_from: Option<Timestamp>,
    /// Filed before this moment.
    pub created_to: Option<Timestamp>,
}

impl ReportFilter {
    /// Whether the report is asked for.
    pub fn matches(&self, report: &Report) -> bool {
        let Self { statuses, categories, area, bounds, reporter, incident, created_from, created_to } = self;
        allows(statuses, &report.status)
            && allows(categories, &report.category)
            && area.is_none_or(|area| report.area == Some(area))
            && bounds.is_none_or(|bounds| bounds.contains(report.location))
            && reporter.is_none_or(|reporter| report.reporter == Some(reporter))
            && incident.is_none_or(|incident| report.incident == Some(incident))
            && created_from.is_none_or(|from| report.created >= from)
            && created_to.is_none_or(|to| report.created < to)
    }
}

/// Who looks at reports, as far as it matters for what is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Viewer {
    /// A signed-in person.
    pub user: Option<Uuid>,
    /// Works on reports: dispatchers and moderators.
    pub staff: bool,
    /// Sees what is hidden.
    pub moderator: bool,
}

impl Viewer {
    /// Whether the report exists for the viewer.
    pub fn sees(&self, report: &Report) -> bool {
        !report.hidden || self.moderator || self.is_reporter(report)
    }

    /// Whether the viewer filed the report.
    pub fn is_reporter(&self, report: &Report) -> bool {
        self.user.is_some() && self.user == report.reporter
    }
}

fn allows<T: PartialEq>(allowed: &[T], value: &T) -> bool {
    allowed.is_empty() || allowed.contains(value)
}
