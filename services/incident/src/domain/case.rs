//! An incident together with the reports that follow it: what changes in one transaction.

use std::collections::BTreeMap;

use kvartal_kernel::{Error, Uuid, Version};

use super::incident::{Facts, Incident, IncidentEvent, IncidentStatus, Routing};
use super::report::{Report, ReportEvent, ReportId, ReportStatus};
use super::timeline::{Act, Change};

/// An aggregate as it was read, as it is now, and what happened in between.
#[derive(Clone, PartialEq, Debug)]
pub struct Tracked<T, E> {
    /// Filterable outline of what was read; `None` for something new.
    pub was: Option<T>,
    /// The version that was read; `None` for something new.
    pub read: Option<Version>,
    /// As it is now.
    pub now: T,
    /// What happened.
    pub change: Change<E>,
}

/// An incident with what happened to it.
pub type TrackedIncident = Tracked<Incident, IncidentEvent>;
/// A report with what happened to it.
pub type TrackedReport = Tracked<Report, ReportEvent>;

impl TrackedIncident {
    /// As read from storage.
    pub fn read(incident: Incident) -> Self {
        Self { was: Some(incident.outline()), read: Some(incident.version), now: incident, change: Change::default() }
    }

    /// Just logged.
    pub fn new(incident: Incident, change: Change<IncidentEvent>) -> Self {
        Self { was: None, read: None, now: incident, change }
    }

    /// Whether there is something to store.
    pub fn is_changed(&self) -> bool {
        self.read != Some(self.now.version)
    }
}

impl TrackedReport {
    /// As read from storage.
    pub fn read(report: Report) -> Self {
        Self { was: Some(report.outline()), read: Some(report.version), now: report, change: Change::default() }
    }

    /// Just filed.
    pub fn new(report: Report, change: Change<ReportEvent>) -> Self {
        Self { was: None, read: None, now: report, change }
    }

    /// Whether there is something to store.
    pub fn is_changed(&self) -> bool {
        self.read != Some(self.now.version)
    }
}

/// What somebody said about a report in its present round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vote {
    /// The report.
    pub report: ReportId,
    /// The round.
    pub round: u32,
    /// Who.
    pub voter: Uuid,
    /// That it is so.
    pub confirmed: bool,
}

/// An incident and the reports of one change. What it holds depends on what the change is about: an incident always
/// comes with all of its reports.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Case {
    /// The incident; `None` for a change of reports that belong to none, or that do not touch theirs.
    pub incident: Option<TrackedIncident>,
    /// The reports.
    pub reports: BTreeMap<ReportId, TrackedReport>,
    /// What the caller said before, where the change is about that.
    pub previous_vote: Option<bool>,
    /// What the caller says now.
    pub vote: Option<Vote>,
    /// Who follows a report from now on.
    pub follows: Vec<(ReportId, Uuid)>,
}

impl Case {
    /// The incident; an internal error where the change was not read with one.
    pub fn incident(&mut self) -> Result<&mut TrackedIncident, Error> {
        self.incident.as_mut().ok_or_else(|| Error::internal("the case has no incident"))
    }

    /// A report; an error when there is no such report.
    pub fn report(&mut self, id: ReportId) -> Result<&mut TrackedReport, Error> {
        self.reports.get_mut(&id).ok_or_else(no_such_report)
    }

    /// Replaces the incident's facts.
    pub fn update(&mut self, facts: Facts, routing: Routing, act: &Act) -> Result<(), Error> {
        let incident = self.incident()?;
        let change = incident.now.update(facts, routing, act)?;
        incident.change.and(change);
        Ok(())
    }

    /// Moves the incident; its reports follow.
    pub fn transition(&mut self, to: IncidentStatus, comment: &str, act: &Act) -> Result<(), Error> {
        let incident = self.incident()?;
        let previous = incident.now.status;
        let change = incident.now.transition(to, comment, act)?;
        incident.change.and(change);
        self.follow(previous, comment, act)
    }

    /// Gives the incident to somebody; its reports follow.
    pub fn assign(&mut self, assignee: Option<Uuid>, team: &str, act: &Act) -> Result<(), Error> {
        let incident = self.incident()?;
        let previous = incident.now.status;
        let change = incident.now.assign(assignee, team, act)?;
        incident.change.and(change);
        self.follow(previous, "", act)
    }

    /// Closes the incident whose grace is over.
    pub fn close_due(&mut self, act: &Act) -> Result<(), Error> {
        let incident = self.incident()?;
        let previous = incident.now.status;
        let change = incident.now.close_due(act);
        incident.change.and(change);
        self.follow(previous, "", act)
    }

    /// Closes the incident that its feed no longer knows; its reports follow.
    pub fn close_gone(&mut self, act: &Act) -> Result<(), Error> {
        let incident = self.incident()?;
        let previous = incident.now.status;
        let change = incident.now.close_gone(act);
        incident.change.and(change);
        self.follow(previous, "", act)
    }

    /// Ties the report to the incident; it follows from now on, starting with where the incident stands.
    pub fn link(&mut self, report: ReportId, act: &Act) -> Result<(), Error> {
        let incident = self.incident.as_mut().ok_or_else(|| Error::internal("the case has no incident"))?;
        let tracked = self.reports.get_mut(&report).ok_or_else(no_such_report)?;
        let linked = tracked.now.link(incident.now.id, act)?;
        if linked.entries.is_empty() {
            return Ok(());
        }
        tracked.change.and(linked);
        tracked.change.and(tracked.now.follow(ReportStatus::following(incident.now.status), "", act));
        incident.change.and(incident.now.link(report, act)?);
        Ok(())
    }

    /// Takes the report from the incident.
    pub fn unlink(&mut self, report: ReportId, act: &Act) -> Result<(), Error> {
        let tracked = self.report(report)?;
        let change = tracked.now.unlink(act);
        tracked.change.and(change);
        if let Some(incident) = self.incident.as_mut() {
            let change = incident.now.unlink(report, act);
            incident.change.and(change);
        }
        Ok(())
    }

    /// Answers a report; see [`Report::answer`]. For a duplicate the original must be in the case, and the reporter
    /// follows that from now on.
    pub fn answer(
        &mut self,
        report: ReportId,
        to: ReportStatus,
        answer: &str,
        original: Option<ReportId>,
        act: &Act,
    ) -> Result<(), Error> {
        let original = match original {
            Some(id) if to == ReportStatus::Duplicate => {
                let known = self.reports.get(&id).ok_or_else(|| Error::invalid("duplicate_of", "must exist"))?;
                Some(known.now.clone())
            }
            _ => None,
        };
        let tracked = self.report(report)?;
        let change = match &original {
            Some(original) => tracked.now.repeat(original, answer, act)?,
            None => tracked.now.answer(to, answer, act)?,
        };
        tracked.change.and(change);
        let reporter = tracked.now.reporter;
        if let (Some(original), Some(reporter)) = (original, reporter)
            && original.reporter != Some(reporter)
        {
            self.follows.push((original.id, reporter));
        }
        Ok(())
    }

    /// Counts the caller's vote; see [`Report::vote`].
    pub fn cast(
        &mut self,
        report: ReportId,
        voter: Uuid,
        confirmed: bool,
        comment: &str,
        act: &Act,
    ) -> Result<(), Error> {
        let previous = self.previous_vote;
        let tracked = self.report(report)?;
        let round = tracked.now.round;
        let change = tracked.now.vote(confirmed, previous, comment, act)?;
        tracked.change.and(change);
        if previous != Some(confirmed) {
            self.vote = Some(Vote { report, round, voter, confirmed });
        }
        Ok(())
    }

    /// Applies a change that concerns one report alone.
    pub fn with_report(
        &mut self,
        report: ReportId,
        apply: impl FnOnce(&mut Report) -> Change<ReportEvent>,
    ) -> Result<(), Error> {
        let tracked = self.report(report)?;
        let change = apply(&mut tracked.now);
        tracked.change.and(change);
        Ok(())
    }

    /// Lets the reports follow where the incident's move means something to them. A move that does not, such as closing
    /// what was resolved, must not undo what has happened to a report meanwhile, such as the reporter's objection.
    fn follow(&mut self, previous: IncidentStatus, comment: &str, act: &Act) -> Result<(), Error> {
        let status = self.incident()?.now.status;
        let to = ReportStatus::following(status);
        if to == ReportStatus::following(previous) {
            return Ok(());
        }
        for tracked in self.reports.values_mut() {
            let change = tracked.now.follow(to, comment, act);
            tracked.change.and(change);
        }
        Ok(())
    }
}

fn no_such_report() -> Error {
    Error::not_found("REPORT_NOT_FOUND", "report")
}
