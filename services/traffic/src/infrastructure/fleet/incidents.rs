//! Incidents as traffic needs them: the incident service knows.

use async_trait::async_trait;
use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Error, Kind, Uuid};
use kvartal_mesh::{Channel, from_status};
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::{GetIncidentRequest, IncidentStatus};

use crate::application::patrols::{IncidentPlace, Incidents};

/// Asks incident.
pub struct IncidentClient {
    incidents: IncidentServiceClient<Channel>,
}

impl IncidentClient {
    /// Over this channel.
    pub fn new(channel: Channel) -> Self {
        Self { incidents: IncidentServiceClient::new(channel) }
    }
}

#[async_trait]
impl Incidents for IncidentClient {
    async fn place(&self, incident: Uuid) -> Result<IncidentPlace, Error> {
        let request = GetIncidentRequest { incident_id: incident.to_string() };
        let answer = self.incidents.clone().get_incident(request).await.map_err(|status| from_status(&status));
        let answer = answer.map_err(|error| match error.kind() {
            Kind::NotFound => Error::not_found("INCIDENT_NOT_FOUND", "incident"),
            _ => error,
        })?;
        let incident = answer.into_inner().incident.ok_or_else(|| Error::internal("incident answered nothing"))?;
        let open =
            !matches!(incident.status(), IncidentStatus::Resolved | IncidentStatus::Closed | IncidentStatus::Rejected);
        let point = incident.place.as_ref().and_then(|place| place.points.first());
        let place = point.and_then(|point| LatLng::new(point.latitude, point.longitude));
        let place = place.ok_or_else(|| Error::internal("incident told of an incident without a place"))?;
        Ok(IncidentPlace { place, open })
    }
}
