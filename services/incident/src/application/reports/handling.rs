//! What the city and the public do with a filed report.

use kvartal_kernel::{Caller, Error};

use super::{ReportDesk, ReportName, no_such_report};
use crate::application::ports::Scope;
use crate::application::{act, viewer};
use crate::domain::case::{Case, TrackedIncident};
use crate::domain::filter::Viewer;
use crate::domain::incident::{Facts, Incident, IncidentId, IncidentKind, Priority, Routing};
use crate::domain::place::Place;
use crate::domain::report::{Report, ReportId, ReportStatus};

/// Longest title of an incident made from a report, in characters.
const TITLE_MAX: usize = 120;

/// The city's word on a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The report.
    pub report: ReportId,
    /// Where to.
    pub status: ReportStatus,
    /// For everyone to read; may be empty.
    pub answer: String,
    /// For a duplicate: the report it repeats.
    pub duplicate_of: Option<ReportId>,
    /// The state the answer was made from; empty for any.
    pub etag: String,
}

/// What an incident made from a report is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewFromReport {
    /// What happened.
    pub kind: IncidentKind,
    /// What comes first.
    pub priority: Priority,
}

impl ReportDesk {
    /// Moves a report to another status with a public answer.
    pub async fn answer(&self, caller: &Caller, answer: Answer) -> Result<Report, Error> {
        let (act, viewer) = (act(caller, &*self.clock), viewer(caller));
        let Answer { report: id, status, answer, duplicate_of, etag } = answer;
        let decide = move |case: &mut Case| {
            seen(case, id, viewer)?.version.check(&etag)?;
            case.answer(id, status, &answer, duplicate_of, &act)
        };
        let scope = Scope::Report { report: id, original: duplicate_of };
        report_of(self.cases.change(scope, Box::new(decide)).await?, id)
    }

    /// Counts the caller's word on whether it is there, or fixed.
    pub async fn confirm(
        &self,
        caller: &Caller,
        id: ReportId,
        confirmed: bool,
        comment: String,
    ) -> Result<Report, Error> {
        let voter = caller.user_id()?;
        let (act, viewer) = (act(caller, &*self.clock), viewer(caller));
        let decide = move |case: &mut Case| {
            seen(case, id, viewer)?;
            case.cast(id, voter, confirmed, &comment, &act)
        };
        report_of(self.cases.change(Scope::Vote { report: id, voter }, Box::new(decide)).await?, id)
    }

    /// Hides a report from the public, or shows it again.
    pub async fn moderate(&self, caller: &Caller, id: ReportId, hidden: bool, reason: String) -> Result<Report, Error> {
        let act = act(caller, &*self.clock);
        let decide = move |case: &mut Case| case.with_report(id, |report| report.moderate(hidden, &reason, &act));
        let scope = Scope::Report { report: id, original: None };
        report_of(self.cases.change(scope, Box::new(decide)).await?, id)
    }

    /// Adds a report to an incident, or makes one of it. Repeating gives the same.
    pub async fn link(
        &self,
        caller: &Caller,
        id: ReportId,
        incident: Option<IncidentId>,
        new: NewFromReport,
    ) -> Result<(Report, Incident), Error> {
        let (act, viewer) = (act(caller, &*self.clock), viewer(caller));
        let report = self.find(viewer, &ReportName::Id(id)).await?;
        let incident = match incident.or(report.incident) {
            Some(incident) => incident,
            None => {
                let routing = Routing { area: report.area, team: report.team.clone() };
                let incident = IncidentId::generate(&*self.clock);
                let (made, change) = Incident::log(incident, facts_of(&report, new), routing, String::new(), &act)?;
                let made = TrackedIncident::new(made, change);
                self.cases.create_incident(None, made, vec![id], act.clone()).await?;
                incident
            }
        };
        let decide = move |case: &mut Case| {
            seen(case, id, viewer)?;
            case.link(id, &act)
        };
        let case = self.cases.change(Scope::Link { report: id, incident }, Box::new(decide)).await?;
        let incident = case.incident.as_ref().map(|incident| incident.now.clone());
        let incident = incident.ok_or_else(|| Error::internal("the case has no incident"))?;
        Ok((report_of(case, id)?, incident))
    }

    /// Takes a report from its incident.
    pub async fn unlink(&self, caller: &Caller, id: ReportId) -> Result<Report, Error> {
        let (act, viewer) = (act(caller, &*self.clock), viewer(caller));
        let decide = move |case: &mut Case| {
            seen(case, id, viewer)?;
            case.unlink(id, &act)
        };
        report_of(self.cases.change(Scope::Linked(id), Box::new(decide)).await?, id)
    }
}

/// The report of the case, if the viewer may know that it is there.
fn seen(case: &mut Case, id: ReportId, viewer: Viewer) -> Result<&Report, Error> {
    let report = &case.report(id)?.now;
    if viewer.sees(report) { Ok(report) } else { Err(no_such_report()) }
}

fn report_of(mut case: Case, id: ReportId) -> Result<Report, Error> {
    let report = case.reports.remove(&id).ok_or_else(no_such_report)?;
    Ok(report.now)
}

fn facts_of(report: &Report, new: NewFromReport) -> Facts {
    let line = report.description.lines().map(str::trim).find(|line| !line.is_empty());
    let mut title: String = line.unwrap_or(report.number.as_str()).chars().take(TITLE_MAX).collect();
    if title.len() < line.unwrap_or_default().len() {
        title.push('…');
    }
    Facts {
        kind: new.kind,
        priority: new.priority,
        title,
        description: report.description.clone(),
        place: Place::point(report.location, report.address.clone()),
        lanes: Vec::new(),
        start: report.created,
        end: None,
    }
}
