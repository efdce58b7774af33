//! How reports move.

use kvartal_kernel::{Error, Kind};

use super::{IncidentId, OBJECTION_WINDOW, REFUTALS_TO_EXPIRE, Report, ReportEvent, ReportStatus};
use crate::domain::incident::not_allowed;
use crate::domain::timeline::{Act, Change, action};

impl Report {
    /// Moves to another status by the city's word, or only says something when the status stays. What is rejected needs
    /// an answer. For [`ReportStatus::Duplicate`] see [`Self::repeat`].
    pub fn answer(&mut self, to: ReportStatus, answer: &str, act: &Act) -> Result<Change<ReportEvent>, Error> {
        if to == self.status && to.is_open() && !answer.is_empty() {
            let previous = self.status;
            answer.clone_into(&mut self.answer);
            let entry = self.touch(act, action::ANSWER).moved(previous.name(), to.name()).said(answer);
            return Ok(Change::new(entry, ReportEvent::StatusChanged { previous, actor: act.actor.clone() }));
        }
        self.check_move(to)?;
        if to == ReportStatus::Duplicate {
            return Err(Error::invalid("duplicate_of", "must name the report it repeats"));
        }
        if to == ReportStatus::Rejected && answer.trim().is_empty() {
            return Err(Error::invalid("answer", "must say why the report is rejected"));
        }
        if !answer.is_empty() {
            answer.clone_into(&mut self.answer);
        }
        Ok(self.enter(to, answer, act))
    }

    /// Declares it the same as another report, which must not itself repeat one.
    pub fn repeat(&mut self, original: &Self, answer: &str, act: &Act) -> Result<Change<ReportEvent>, Error> {
        self.check_move(ReportStatus::Duplicate)?;
        if original.id == self.id {
            return Err(Error::invalid("duplicate_of", "must be another report"));
        }
        if original.status == ReportStatus::Duplicate {
            let message = "that report repeats another itself; name the first one";
            let error = Error::new(Kind::FailedPrecondition, "ORIGINAL_IS_DUPLICATE", message);
            return Err(match original.duplicate_of {
                Some(first) => error.with("duplicate_of", first.to_string()),
                None => error,
            });
        }
        self.duplicate_of = Some(original.id);
        if !answer.is_empty() {
            answer.clone_into(&mut self.answer);
        }
        Ok(self.enter(ReportStatus::Duplicate, answer, act))
    }

    /// Follows its incident to [`ReportStatus::following`]. What is over by its own word, a duplicate or expired, stays
    /// so.
    pub fn follow(&mut self, to: ReportStatus, comment: &str, act: &Act) -> Change<ReportEvent> {
        let stays = matches!(self.status, ReportStatus::Closed | ReportStatus::Duplicate | ReportStatus::Expired);
        if stays || self.status == to {
            return Change::default();
        }
        if !comment.is_empty() {
            comment.clone_into(&mut self.answer);
        }
        self.enter(to, comment, act)
    }

    /// Counts a vote: that it is there or, after FIXED, that it is fixed (`confirmed`), or the opposite. `previous` is
    /// what the voter said before in this round. The reporter's word on a fix decides; so does the reporter's or enough
    /// others' word that a hazard is gone.
    pub fn vote(
        &mut self,
        confirmed: bool,
        previous: Option<bool>,
        comment: &str,
        act: &Act,
    ) -> Result<Change<ReportEvent>, Error> {
        let fixed = self.status == ReportStatus::Fixed;
        if fixed && self.close_due.is_some_and(|due| due < act.time) {
            let message = "the time to object to the fix is over";
            return Err(Error::new(Kind::FailedPrecondition, "OBJECTION_WINDOW_OVER", message));
        }
        if !fixed && !self.status.is_open() {
            let message = format!("a report that is {} can be neither confirmed nor refuted", self.status.name());
            return Err(Error::new(Kind::FailedPrecondition, "NOTHING_TO_CONFIRM", message));
        }
        let own = self.reporter.is_some_and(|reporter| reporter.to_string() == act.actor);
        let hazard = self.expire_due.is_some();
        if previous == Some(confirmed) && !(hazard && confirmed) {
            return Ok(Change::default());
        }
        match previous {
            Some(true) => self.confirmed = self.confirmed.saturating_sub(1),
            Some(false) => self.refuted = self.refuted.saturating_sub(1),
            None => {}
        }
        if confirmed {
            self.confirmed += 1;
        } else {
            self.refuted += 1;
        }
        let name = if confirmed { action::CONFIRMED } else { action::REFUTED };
        let mut change = Change::entry(self.touch(act, name).said(comment));
        if fixed && own {
            let to = if confirmed { ReportStatus::Closed } else { ReportStatus::Accepted };
            change.and(self.enter(to, "", act));
        } else if hazard && confirmed {
            self.restart_expiry();
        } else if hazard && (own || self.refuted >= self.confirmed + REFUTALS_TO_EXPIRE) {
            change.and(self.enter(ReportStatus::Expired, "", act));
        }
        Ok(change)
    }

    /// Hides it from the public or shows it again. Nothing happens when it is so already.
    pub fn moderate(&mut self, hidden: bool, reason: &str, act: &Act) -> Change<ReportEvent> {
        if self.hidden == hidden {
            return Change::default();
        }
        let name = |hidden: bool| if hidden { "hidden" } else { "shown" };
        self.hidden = hidden;
        let entry = self.touch(act, action::MODERATION).moved(name(!hidden), name(hidden)).said(reason);
        Change::entry(entry.internal())
    }

    /// Ties it to an incident; it follows from then on. The incident's own list is kept by [`super::super::case::Case`].
    pub fn link(&mut self, incident: IncidentId, act: &Act) -> Result<Change<ReportEvent>, Error> {
        match self.incident {
            Some(known) if known == incident => return Ok(Change::default()),
            Some(known) => {
                let message = "the report belongs to another incident; take it from there first";
                return Err(Error::new(Kind::FailedPrecondition, "LINKED_ALREADY", message)
                    .with("incident_id", known.to_string()));
            }
            None => {}
        }
        self.incident = Some(incident);
        let entry = self.touch(act, action::LINK).moved("", incident);
        self.restart_expiry();
        Ok(Change::entry(entry))
    }

    /// Takes it from its incident; its status stays.
    pub fn unlink(&mut self, act: &Act) -> Change<ReportEvent> {
        let Some(incident) = self.incident.take() else { return Change::default() };
        let entry = self.touch(act, action::UNLINK).moved(incident, "");
        self.restart_expiry();
        Change::entry(entry)
    }

    /// Ends a hazard that nobody confirmed in time. Nothing happens before.
    pub fn expire(&mut self, act: &Act) -> Change<ReportEvent> {
        match self.expire_due {
            Some(due) if due <= act.time => self.enter(ReportStatus::Expired, "", act),
            _ => Change::default(),
        }
    }

    /// Closes a fixed report nobody objected to in time. Nothing happens before.
    pub fn close_unobjected(&mut self, act: &Act) -> Change<ReportEvent> {
        match self.close_due {
            Some(due) if due <= act.time && self.status == ReportStatus::Fixed => {
                self.enter(ReportStatus::Closed, "", act)
            }
            _ => Change::default(),
        }
    }

    fn check_move(&self, to: ReportStatus) -> Result<(), Error> {
        let next = self.status.next();
        if next.contains(&to) {
            Ok(())
        } else {
            Err(not_allowed(self.status.name(), to.name(), next.iter().map(|status| status.name())))
        }
    }

    fn enter(&mut self, to: ReportStatus, comment: &str, act: &Act) -> Change<ReportEvent> {
        let previous = self.status;
        self.status = to;
        if to != ReportStatus::Duplicate {
            self.duplicate_of = None;
        }
        if (previous == ReportStatus::Fixed) != (to == ReportStatus::Fixed) && to != ReportStatus::Closed {
            // Another question is put to the public: the old votes answer the old one.
            self.round += 1;
            self.confirmed = 0;
            self.refuted = 0;
        }
        let shown = self.shown(act);
        let entry = self.touch(act, action::STATUS).moved(previous.name(), to.name()).said(comment);
        self.close_due = (to == ReportStatus::Fixed).then(|| self.updated.plus(OBJECTION_WINDOW));
        self.restart_expiry();
        Change::new(entry, ReportEvent::StatusChanged { previous, actor: shown.actor })
    }
}
