//! Events of traffic: patrols that are sent to incidents and called back.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::Error;
use kvartal_proto::traffic::v1 as traffic;

use crate::application::incidents::{IncidentDesk, PatrolMove};
use crate::domain::incident::IncidentId;

/// Notes in the timeline what happened.
pub(crate) struct PatrolConsumer {
    desk: Arc<IncidentDesk>,
}

impl PatrolConsumer {
    /// Over the desk.
    pub(crate) fn new(desk: Arc<IncidentDesk>) -> Self {
        Self { desk }
    }
}

#[async_trait]
impl Handler for PatrolConsumer {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let (incident, call_sign, actor, sent) = if event.is::<traffic::PatrolAssigned>() {
            let said: traffic::PatrolAssigned = event.decode()?;
            (said.incident_id, said.call_sign, said.actor_id, true)
        } else if event.is::<traffic::PatrolReleased>() {
            let said: traffic::PatrolReleased = event.decode()?;
            (said.incident_id, said.call_sign, said.actor_id, false)
        } else {
            tracing::warn!(kind = event.kind, "an event that concerns nobody came");
            return Ok(());
        };
        let id = IncidentId::parse("incident_id", &incident)?;
        self.desk.patrol(event.id, id, PatrolMove { call_sign, sent, actor, time: event.time }).await
    }
}
