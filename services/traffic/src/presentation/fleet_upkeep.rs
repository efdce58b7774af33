//! What the clock asks for about patrols.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_kernel::Error;

use crate::application::patrols::PatrolDesk;

/// How long tracks are kept: they tell where people were.
const TRACK_AGE: Duration = Duration::from_hours(14 * 24);
/// Positions removed in one go.
const PORTION: u64 = 5_000;

struct PruneTracks {
    desk: Arc<PatrolDesk>,
}

#[async_trait]
impl JobHandler for PruneTracks {
    fn kind(&self) -> &'static str {
        "traffic.prune_tracks"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        let before = self.desk.now().minus(TRACK_AGE);
        while self.desk.prune(before, PORTION).await? >= PORTION {}
        Ok(())
    }
}

/// Every schedule of patrols.
pub(crate) fn fleet_schedules(desk: Arc<PatrolDesk>) -> Result<Vec<Schedule>, Error> {
    Ok(vec![Schedule::new("traffic.prune_tracks", "37 * * * *", Arc::new(PruneTracks { desk }))?])
}
