//! How incidents move.

use kvartal_kernel::Uuid;
use proptest::prelude::*;

use super::{act, facts, incident};
use crate::domain::incident::{CLOSING_GRACE, IncidentEvent, IncidentStatus, Priority, Routing};

fn any_status() -> impl Strategy<Value = IncidentStatus> {
    proptest::sample::select(IncidentStatus::ALL.to_vec())
}

proptest! {
    #[test]
    fn only_the_moves_of_the_machine_happen_and_each_tells_where_from(moves in prop::collection::vec(any_status(), 1..40)) {
        let mut incident = incident();
        incident.team = "roads".to_owned();
        for (minute, to) in moves.into_iter().enumerate() {
            let before = incident.clone();
            match incident.transition(to, "", &act("d", minute as u64)) {
                Ok(change) => {
                    prop_assert!(before.status.next().contains(&to));
                    prop_assert_eq!(incident.status, to);
                    prop_assert_eq!(incident.version, before.version.next());
                    prop_assert!(incident.updated > before.updated);
                    prop_assert_eq!(incident.close_due.is_some(), to == IncidentStatus::Resolved);
                    let told = IncidentEvent::StatusChanged { previous: before.status, actor: "d".into(), comment: String::new() };
                    prop_assert_eq!(change.events, vec![told]);
                    prop_assert_eq!(change.entries.len(), 1);
                }
                Err(error) => {
                    prop_assert!(!before.status.next().contains(&to));
                    prop_assert_eq!(error.reason(), "TRANSITION_NOT_ALLOWED");
                    prop_assert_eq!(&incident, &before);
                }
            }
        }
    }
}

#[test]
fn every_status_can_be_reached_from_new_and_left_again() {
    let mut reached = vec![IncidentStatus::New];
    let mut index = 0;
    while index < reached.len() {
        for next in reached[index].next() {
            assert_ne!(*next, reached[index]);
            if !reached.contains(next) {
                reached.push(*next);
            }
        }
        index += 1;
    }
    assert_eq!(reached.len(), IncidentStatus::ALL.len());
    assert!(IncidentStatus::ALL.iter().all(|status| !status.next().is_empty()));
}

#[test]
fn a_refused_move_names_the_allowed_ones() {
    let error = incident().transition(IncidentStatus::Closed, "", &act("d", 1)).unwrap_err();
    let allowed = error.metadata().iter().find(|(key, _)| *key == "allowed").unwrap();
    assert_eq!(allowed.1, "CONFIRMED,ASSIGNED,IN_PROGRESS,RESOLVED,REJECTED");
}

#[test]
fn nobody_can_be_given_an_incident() {
    assert_eq!(incident().assign(None, "", &act("d", 1)).unwrap_err().reason(), "NOBODY_ASSIGNED");
    assert_eq!(
        incident().transition(IncidentStatus::Assigned, "", &act("d", 1)).unwrap_err().reason(),
        "NOBODY_ASSIGNED"
    );
}

#[test]
fn assigning_moves_and_tells_both() {
    let mut incident = incident();
    let patrol = Uuid::from_u128(5);
    let change = incident.assign(Some(patrol), "", &act("d", 1)).unwrap();
    assert_eq!(incident.status, IncidentStatus::Assigned);
    assert!(matches!(
        change.events.as_slice(),
        [IncidentEvent::Assigned { assignee: Some(to), .. }, IncidentEvent::StatusChanged { previous: IncidentStatus::New, .. }]
            if *to == patrol
    ));
    let again = incident.assign(Some(patrol), "", &act("d", 2)).unwrap();
    assert!(again.events.is_empty() && again.entries.is_empty(), "the same again changes nothing");
    incident.transition(IncidentStatus::Confirmed, "sick", &act("d", 3)).unwrap();
    assert_eq!(incident.assignee, None, "giving back leaves it in nobody's hands");
}

#[test]
fn a_resolved_incident_is_closed_after_its_grace_and_not_before() {
    let mut incident = incident();
    incident.transition(IncidentStatus::Resolved, "", &act("d", 1)).unwrap();
    let due = incident.close_due.unwrap();
    assert_eq!(due, act("", 1).time.plus(CLOSING_GRACE));
    assert!(incident.close_due(&act("", 5)).events.is_empty());
    assert_eq!(incident.close_due(&act("", 6)).events.len(), 1);
    assert_eq!(incident.status, IncidentStatus::Closed);
}

#[test]
fn the_same_facts_again_change_nothing() {
    let mut incident = incident();
    let before = incident.clone();
    assert!(incident.update(facts(), Routing::default(), &act("d", 1)).unwrap().events.is_empty());
    assert_eq!(incident, before);
    let mut other = facts();
    other.priority = Priority::Low;
    let change = incident.update(other, Routing::default(), &act("d", 1)).unwrap();
    assert_eq!(change.entries[0].after, "priority");
}

#[test]
fn an_end_before_the_start_is_refused() {
    let mut wrong = facts();
    wrong.end = Some(kvartal_kernel::Timestamp(wrong.start.0 - 1));
    assert!(incident().update(wrong, Routing::default(), &act("d", 1)).is_err());
}

#[test]
fn changes_keep_their_order_when_the_clock_stands_still() {
    let mut incident = incident();
    let change = incident.assign(None, "roads", &act("d", 0)).unwrap();
    assert!(change.entries[0].time < change.entries[1].time);
    assert!(incident.created < change.entries[0].time);
}
