//! What the clock asks for.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_kernel::Error;

use crate::application::health::HealthWatch;
use crate::application::readings::ReadingDesk;

struct Judge(HealthWatch);

#[async_trait]
impl JobHandler for Judge {
    fn kind(&self) -> &'static str {
        "traffic.judge_detectors"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        self.0.judge_all().await
    }
}

struct Prune {
    readings: Arc<ReadingDesk>,
    rollups_days: u32,
}

#[async_trait]
impl JobHandler for Prune {
    fn kind(&self) -> &'static str {
        "traffic.prune_readings"
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        self.readings.prune(self.rollups_days).await
    }
}

/// Judges detectors every five minutes, and removes what is too old every night.
pub(crate) fn schedules(
    health: HealthWatch,
    readings: Arc<ReadingDesk>,
    rollups_days: u32,
) -> Result<[Schedule; 2], Error> {
    let judge = Schedule::new("traffic.judge_detectors", "*/5 * * * *", Arc::new(Judge(health)))?;
    let prune = Prune { readings, rollups_days };
    let prune = Schedule::new("traffic.prune_readings", "17 1 * * *", Arc::new(prune))?;
    Ok([judge, prune])
}
