//! What the other services are told of jams and warnings.

use kvartal_events::Event;
use kvartal_kernel::Error;
use kvartal_proto::traffic::v1 as pb;

use super::book::{stored_jam, stored_warning};
use super::rows::{jam, warning};
use crate::NAME;
use crate::domain::step::Step;
use crate::messages::congestion as messages;

/// A jam began.
pub(super) fn jam_started(row: &jam::Model) -> Result<Event, Error> {
    let jam = messages::jam(&stored_jam(row.clone())?);
    Ok(Event::new(NAME, row.id, Step(row.start_step).start(), &pb::JamStarted { jam: Some(jam) }))
}

/// A jam is over.
pub(super) fn jam_ended(row: &jam::Model) -> Result<Event, Error> {
    let jam = messages::jam(&stored_jam(row.clone())?);
    let end = Step(row.end_step.unwrap_or(row.update_step)).start();
    Ok(Event::new(NAME, row.id, end, &pb::JamEnded { jam: Some(jam) }))
}

/// Drivers should be warned.
pub(super) fn warning_issued(row: &warning::Model) -> Result<Event, Error> {
    let warning = messages::warning(&stored_warning(row.clone())?);
    Ok(Event::new(NAME, row.id, Step(row.start_step).start(), &pb::TrafficWarningIssued { warning: Some(warning) }))
}
