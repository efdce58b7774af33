//! What the clock asks forecasts for.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_kernel::Error;

use crate::application::forecasts::keeper::Keeper;

struct Prune {
    keeper: Arc<Keeper>,
    days: u32,
}

#[async_trait]
impl JobHandler for Prune {
    fn kind(&self) -> &'static str {
        "traffic.prune_forecasts"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        self.keeper.prune(self.days).await
    }
}

/// Forgets forecasts that were compared long ago, every night.
pub(crate) fn pruning(keeper: Arc<Keeper>, days: u32) -> Result<Schedule, Error> {
    Schedule::new("traffic.prune_forecasts", "53 1 * * *", Arc::new(Prune { keeper, days }))
}
