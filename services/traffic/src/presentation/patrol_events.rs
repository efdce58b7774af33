//! Events of incident: a patrol comes back when its incident is over.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::Error;
use kvartal_proto::incident::v1 as incident;
use kvartal_proto::incident::v1::IncidentStatus;

use crate::application::patrols::PatrolDesk;

/// Releases patrols. Doing it again changes nothing, so no inbox is kept.
pub(crate) struct IncidentConsumer {
    desk: Arc<PatrolDesk>,
}

impl IncidentConsumer {
    /// Over the desk.
    pub(crate) fn new(desk: Arc<PatrolDesk>) -> Self {
        Self { desk }
    }
}

#[async_trait]
impl Handler for IncidentConsumer {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        if !event.is::<incident::IncidentStatusChanged>() {
            tracing::warn!(kind = event.kind, "an event that concerns nobody came");
            return Ok(());
        }
        let said: incident::IncidentStatusChanged = event.decode()?;
        let incident = said.incident.unwrap_or_default();
        let over =
            matches!(incident.status(), IncidentStatus::Resolved | IncidentStatus::Closed | IncidentStatus::Rejected);
        if !over {
            return Ok(());
        }
        let id = incident.incident_id.parse().map_err(|_| Error::invalid("incident_id", "must be a UUID"))?;
        self.desk.incident_over(id).await
    }
}
