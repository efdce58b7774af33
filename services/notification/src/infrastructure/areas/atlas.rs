//! The areas of the incident service.

use async_trait::async_trait;
use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Error, Uuid};
use kvartal_mesh::{Channel, from_status};
use kvartal_proto::incident::v1::ListAreasRequest;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;

use crate::application::Atlas;

/// Asks incident.
pub(crate) struct IncidentAtlas {
    reports: ReportServiceClient<Channel>,
}

impl IncidentAtlas {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { reports: ReportServiceClient::new(channel) }
    }
}

#[async_trait]
impl Atlas for IncidentAtlas {
    async fn area(&self, id: Uuid) -> Result<Option<(String, Vec<LatLng>)>, Error> {
        let answer = self.reports.clone().list_areas(ListAreasRequest {}).await;
        let areas = answer.map_err(|status| from_status(&status))?.into_inner().areas;
        let id = id.to_string();
        Ok(areas.into_iter().find(|area| area.area_id == id).map(|area| {
            let ring = area.boundary.iter().filter_map(|point| LatLng::new(point.latitude, point.longitude));
            (area.display_name, ring.collect())
        }))
    }
}
