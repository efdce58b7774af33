//! Events of traffic: patrols that are sent to incidents and called back, jams, and detectors that fail.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::Error;
use kvartal_proto::traffic::v1 as traffic;

use crate::application::incidents::{IncidentDesk, PatrolMove};
use crate::application::suggestions::SuggestionDesk;
use crate::domain::geo::LatLng;
use crate::domain::incident::IncidentId;
use crate::domain::suggestion::{FailedDetector, JamSeen};

/// Notes in the timeline what happened, and makes suggestions of what might be incidents.
pub(crate) struct TrafficConsumer {
    desk: Arc<IncidentDesk>,
    suggestions: Arc<SuggestionDesk>,
}

impl TrafficConsumer {
    /// Over the desks.
    pub(crate) fn new(desk: Arc<IncidentDesk>, suggestions: Arc<SuggestionDesk>) -> Self {
        Self { desk, suggestions }
    }

    async fn patrol(&self, event: &Event, incident: &str, moved: PatrolMove) -> Result<(), Error> {
        let id = IncidentId::parse("incident_id", incident)?;
        self.desk.patrol(event.id, id, moved).await
    }
}

#[async_trait]
impl Handler for TrafficConsumer {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let time = event.time;
        if event.is::<traffic::PatrolAssigned>() {
            let said: traffic::PatrolAssigned = event.decode()?;
            let moved = PatrolMove { call_sign: said.call_sign, sent: true, actor: said.actor_id, time };
            self.patrol(event, &said.incident_id, moved).await
        } else if event.is::<traffic::PatrolReleased>() {
            let said: traffic::PatrolReleased = event.decode()?;
            let moved = PatrolMove { call_sign: said.call_sign, sent: false, actor: said.actor_id, time };
            self.patrol(event, &said.incident_id, moved).await
        } else if event.is::<traffic::JamStarted>() {
            let said: traffic::JamStarted = event.decode()?;
            match said.jam.and_then(jam) {
                Some(jam) => self.suggestions.jam_started(event.id, jam).await,
                None => Ok(()),
            }
        } else if event.is::<traffic::JamEnded>() {
            let said: traffic::JamEnded = event.decode()?;
            self.suggestions.is_over(event.id, said.jam.unwrap_or_default().jam_id).await
        } else if event.is::<traffic::DetectorFailed>() {
            let said: traffic::DetectorFailed = event.decode()?;
            match point(said.location) {
                Some(place) => {
                    let traffic::DetectorFailed { detector_id: id, display_name: name, segment_id: segment, .. } = said;
                    let name = if name.is_empty() { id.clone() } else { name };
                    self.suggestions.detector_failed(event.id, FailedDetector { id, name, place, segment, time }).await
                }
                // Nobody knows where to send somebody.
                None => Ok(()),
            }
        } else if event.is::<traffic::DetectorRecovered>() {
            let said: traffic::DetectorRecovered = event.decode()?;
            self.suggestions.is_over(event.id, said.detector_id).await
        } else {
            tracing::warn!(kind = event.kind, "an event that concerns nobody came");
            Ok(())
        }
    }
}

/// A jam with a place; one without cannot be looked after.
fn jam(jam: traffic::Jam) -> Option<JamSeen> {
    let head = point(jam.head_location)?;
    let traffic::Jam { jam_id: id, display_name: name, corridor: road, segment_ids: segments, .. } = jam;
    Some(JamSeen { id, name, road, head, segments, queue_m: jam.queue_length_m })
}

fn point(point: Option<traffic::LatLng>) -> Option<LatLng> {
    point.and_then(|point| LatLng::new(point.latitude, point.longitude))
}
