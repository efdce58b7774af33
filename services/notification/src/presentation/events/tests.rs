//! Every event that the contract lists is understood.

use kvartal_events::Event;
use kvartal_kernel::{Timestamp, Uuid};
use kvartal_proto::contract::v1::Role;
use kvartal_proto::{identity, incident};

use super::fact;
use crate::domain::{Fact, Kind, notices};

fn event(message: &impl prost::Name) -> Event {
    Event::new("somewhere", "something", Timestamp(1_795_168_800_123_456), message)
}

fn id() -> String {
    Uuid::from_u128(7).to_string()
}

/// Events that mean something to those who follow areas only: an empty one says nothing.
const OF_AREAS: [&str; 5] = [
    "kvartal.incident.v1.IncidentCreated",
    "kvartal.traffic.v1.JamStarted",
    "kvartal.traffic.v1.JamEnded",
    "kvartal.traffic.v1.DetectorFailed",
    "kvartal.traffic.v1.DetectorRecovered",
];

#[test]
fn every_event_of_the_contract_is_understood() {
    for kind in kvartal_proto::contract().consumed_by("notification") {
        let mut event = event(&identity::v1::EmailConfirmed::default());
        event.kind = kind.clone();
        event.payload = prost::bytes::Bytes::new();
        // An empty message lacks ids, which is an error; `None` would mean that nobody knows the event.
        let known = !matches!(fact(&event), Ok(None)) || OF_AREAS.contains(&kind.as_str());
        assert!(known, "{kind}");
    }
}

#[test]
fn an_event_nobody_listed_concerns_nobody() {
    assert_eq!(fact(&event(&identity::v1::EmailConfirmed { user_id: id() })).unwrap(), None);
}

#[test]
fn a_token_decides_between_confirmation_and_a_taken_address() {
    let mut wanted = identity::v1::EmailConfirmationRequested {
        user_id: id(),
        email: "person@example.org".into(),
        display_name: "Person".into(),
        locale: "en".into(),
        token: "t".into(),
        expire_time: None,
    };
    let kind = |said: &identity::v1::EmailConfirmationRequested| notices(fact(&event(said)).unwrap().unwrap())[0].kind;
    assert_eq!(kind(&wanted), Kind::EmailConfirmation);
    wanted.token = String::new();
    assert_eq!(kind(&wanted), Kind::AddressTaken);
}

#[test]
fn names_of_roles_statuses_and_priorities_are_those_of_the_labels() {
    let granted = identity::v1::RoleGranted { user_id: id(), role: Role::Dispatcher.into(), actor_id: id() };
    assert!(matches!(fact(&event(&granted)).unwrap(), Some(Fact::RoleGranted { role, .. }) if role == "dispatcher"));
    let moved = incident::v1::ReportStatusChanged {
        report: Some(incident::v1::Report {
            status: incident::v1::ReportStatus::InProgress.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let Some(Fact::ReportStatusChanged { report, .. }) = fact(&event(&moved)).unwrap() else { panic!("another fact") };
    assert_eq!(report.status, "in_progress");
    let given = incident::v1::IncidentAssigned {
        incident: Some(incident::v1::Incident { priority: incident::v1::Priority::High.into(), ..Default::default() }),
        ..Default::default()
    };
    let Some(Fact::IncidentAssigned { incident, .. }) = fact(&event(&given)).unwrap() else { panic!("another fact") };
    assert_eq!(incident.priority, "high");
}

#[test]
fn an_id_that_is_none_is_refused() {
    assert!(fact(&event(&identity::v1::PasswordChanged { user_id: "nobody".into() })).is_err());
}
