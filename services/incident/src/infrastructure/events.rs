//! What the other services are told.

use kvartal_events::Event;
use kvartal_kernel::{Timestamp, Uuid};
use kvartal_proto::incident::v1 as pb;

use crate::NAME;
use crate::domain::incident::{Incident, IncidentEvent};
use crate::domain::report::{Report, ReportEvent};
use crate::messages;

/// An incident's event; it carries the incident as it is after the whole change.
pub(super) fn of_incident(incident: &Incident, event: &IncidentEvent) -> Event {
    let now = Some(messages::incident(incident));
    let (subject, time) = (incident.id, incident.updated);
    match event {
        IncidentEvent::Created => Event::new(NAME, subject, time, &pb::IncidentCreated { incident: now }),
        IncidentEvent::Updated => Event::new(NAME, subject, time, &pb::IncidentUpdated { incident: now }),
        IncidentEvent::StatusChanged { previous, actor, comment } => {
            let message = pb::IncidentStatusChanged {
                incident: now,
                previous_status: previous.number().into(),
                actor_id: actor.clone(),
                comment: comment.clone(),
            };
            Event::new(NAME, subject, time, &message)
        }
        IncidentEvent::Assigned { assignee, actor } => {
            let message =
                pb::IncidentAssigned { incident: now, assignee_id: messages::text(*assignee), actor_id: actor.clone() };
            Event::new(NAME, subject, time, &message)
        }
    }
}

/// A report's event. The audience is told of moves; the reporter, even an anonymous one, of the filing.
pub(super) fn of_report(report: &Report, event: &ReportEvent, audience: &[Uuid]) -> Event {
    let now = Some(messages::report(report));
    let (subject, time): (_, Timestamp) = (report.id, report.updated);
    match event {
        ReportEvent::Received => {
            let message = pb::ReportReceived { report: now, reporter_id: messages::text(report.reporter) };
            Event::new(NAME, subject, time, &message)
        }
        ReportEvent::StatusChanged { previous, actor } => {
            let message = pb::ReportStatusChanged {
                report: now,
                previous_status: previous.number().into(),
                audience: audience.iter().map(Uuid::to_string).collect(),
                actor_id: actor.clone(),
            };
            Event::new(NAME, subject, time, &message)
        }
    }
}
