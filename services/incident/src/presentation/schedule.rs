//! What the clock asks for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, Schedule};
use kvartal_kernel::Error;

use crate::application::upkeep::Upkeep;

type Work = for<'a> fn(&'a Upkeep) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Something the upkeep does when its time has come.
struct Chore {
    kind: &'static str,
    upkeep: Arc<Upkeep>,
    work: Work,
}

#[async_trait]
impl JobHandler for Chore {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, _: &Job) -> Result<(), Error> {
        (self.work)(&self.upkeep).await
    }
}

/// Every schedule of the service.
pub fn schedules(upkeep: &Arc<Upkeep>) -> Result<Vec<Schedule>, Error> {
    let chores: [(&'static str, &str, Work); 6] = [
        ("incident.expire_hazards", "* * * * *", |upkeep| Box::pin(upkeep.expire_hazards())),
        ("incident.close_resolved", "* * * * *", |upkeep| Box::pin(upkeep.close_resolved())),
        ("incident.close_fixed", "7 * * * *", |upkeep| Box::pin(upkeep.close_fixed())),
        ("incident.remove_photos", "23 * * * *", |upkeep| Box::pin(upkeep.remove_photos())),
        ("incident.prune_log", "41 * * * *", |upkeep| Box::pin(upkeep.prune_log())),
        ("incident.prune_suggestions", "53 * * * *", |upkeep| Box::pin(upkeep.prune_suggestions())),
    ];
    let schedule =
        |(kind, cron, work)| Schedule::new(kind, cron, Arc::new(Chore { kind, upkeep: upkeep.clone(), work }));
    chores.into_iter().map(schedule).collect()
}
