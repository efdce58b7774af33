//! What the clock asks congestion for.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_kernel::Error;

use crate::application::congestion::advance::{Advance, Kept};
use crate::application::congestion::free_flow::FreeFlowSchool;

struct Thin {
    advance: Arc<Advance>,
    kept: Kept,
}

#[async_trait]
impl JobHandler for Thin {
    fn kind(&self) -> &'static str {
        "traffic.thin_trackers"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        self.advance.thin().await?;
        self.advance.prune(self.kept).await
    }
}

/// Keeps no more of what the rules remembered than going back needs, and of what they found no more than is wanted, every
/// night.
pub(crate) fn thinning(advance: Arc<Advance>, kept: Kept) -> Result<Schedule, Error> {
    Schedule::new("traffic.thin_trackers", "47 1 * * *", Arc::new(Thin { advance, kept }))
}

struct Learn(FreeFlowSchool);

#[async_trait]
impl JobHandler for Learn {
    fn kind(&self) -> &'static str {
        "traffic.learn_free_flow"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        self.0.learn_all().await
    }
}

/// Learns how fast segments are driven when nobody is in the way, every night.
pub(crate) fn learning(school: FreeFlowSchool) -> Result<Schedule, Error> {
    Schedule::new("traffic.learn_free_flow", "31 2 * * *", Arc::new(Learn(school)))
}
