//! What happens by itself when its time has come.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Clock, Error, Kind};

use super::photos::UNLINKED_LIFE;
use super::ports::{Cases, Changes, Incidents, Photos, Reports, Scope};
use super::suggestions::Suggestions;
use crate::domain::case::Case;
use crate::domain::report::{Report, ReportId};
use crate::domain::suggestion::DECIDED_LIFE;
use crate::domain::timeline::{Act, Change};

/// Things done in one reading.
const SLICE: u64 = 100;
/// Readings of one run; what is left waits for the next.
const SLICES_MAX: usize = 100;
/// How far back a stream may be resumed.
pub const LOG_LIFE: Duration = Duration::from_hours(48);

/// Does what is due. Everything here may be done twice, or by two replicas at once.
pub struct Upkeep {
    /// What changes.
    pub cases: Arc<dyn Cases>,
    /// For what is due.
    pub incidents: Arc<dyn Incidents>,
    /// For what is due.
    pub reports: Arc<dyn Reports>,
    /// For what nobody used.
    pub photos: Arc<dyn Photos>,
    /// For what nobody can resume from any more.
    pub changes: Arc<dyn Changes>,
    /// For what was decided long ago.
    pub suggestions: Arc<dyn Suggestions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Upkeep {
    /// Ends hazards that nobody confirmed in time.
    pub async fn expire_hazards(&self) -> Result<(), Error> {
        for _ in 0..SLICES_MAX {
            let due = self.reports.expiring(self.clock.now(), SLICE).await?;
            if !self.change_reports(due, Report::expire).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Closes fixed reports nobody objected to in time.
    pub async fn close_fixed(&self) -> Result<(), Error> {
        for _ in 0..SLICES_MAX {
            let due = self.reports.unobjected(self.clock.now(), SLICE).await?;
            if !self.change_reports(due, Report::close_unobjected).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Closes resolved incidents whose grace is over.
    pub async fn close_resolved(&self) -> Result<(), Error> {
        for _ in 0..SLICES_MAX {
            let due = self.incidents.due(self.clock.now(), SLICE).await?;
            let mut done = false;
            for id in due {
                let act = Act::platform(self.clock.now());
                let decide = move |case: &mut Case| case.close_due(&act);
                done |= succeeded(self.cases.change(Scope::Incident(id), Box::new(decide)).await)?;
            }
            if !done {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Removes photos that no report was filed with.
    pub async fn remove_photos(&self) -> Result<(), Error> {
        let before = self.clock.now().minus(UNLINKED_LIFE);
        for _ in 0..SLICES_MAX {
            if self.photos.remove_unlinked(before, SLICE).await? < SLICE {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Shortens the change log.
    pub async fn prune_log(&self) -> Result<(), Error> {
        let before = self.clock.now().minus(LOG_LIFE);
        for _ in 0..SLICES_MAX {
            if self.changes.prune(before, SLICE * 10).await? < SLICE * 10 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets suggestions that were decided long ago.
    pub async fn prune_suggestions(&self) -> Result<(), Error> {
        let before = self.clock.now().minus(DECIDED_LIFE);
        for _ in 0..SLICES_MAX {
            if self.suggestions.prune(before, SLICE).await? < SLICE {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether anything was done: a slice of nothing but failures is not read again.
    async fn change_reports<E>(&self, ids: Vec<ReportId>, apply: E) -> Result<bool, Error>
    where
        E: Fn(&mut Report, &Act) -> Change<crate::domain::report::ReportEvent> + Copy + Send + 'static,
    {
        let mut done = false;
        for id in ids {
            let act = Act::platform(self.clock.now());
            let decide = move |case: &mut Case| case.with_report(id, |report| apply(report, &act));
            let scope = Scope::Report { report: id, original: None };
            done |= succeeded(self.cases.change(scope, Box::new(decide)).await)?;
        }
        Ok(done)
    }
}

/// One that cannot be changed must not keep the others waiting; a database that is away concerns all.
fn succeeded(result: Result<Case, Error>) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Kind::Unavailable => Err(error),
        Err(error) => {
            tracing::error!(error = error.chain(), "something due could not be done");
            Ok(false)
        }
    }
}
