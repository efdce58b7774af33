//! What the clock asks congestion for.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_kernel::Error;

use crate::application::congestion::advance::Advance;

struct Thin(Arc<Advance>);

#[async_trait]
impl JobHandler for Thin {
    fn kind(&self) -> &'static str {
        "traffic.thin_trackers"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        self.0.thin().await
    }
}

/// Keeps no more of what the rules remembered than going back needs, every night.
pub(crate) fn thinning(advance: Arc<Advance>) -> Result<Schedule, Error> {
    Schedule::new("traffic.thin_trackers", "47 1 * * *", Arc::new(Thin(advance)))
}
