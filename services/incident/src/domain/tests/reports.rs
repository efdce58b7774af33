//! How reports move.

use kvartal_kernel::Uuid;
use proptest::prelude::*;

use super::{act, category, hazard, report, reporter};
use crate::domain::incident::IncidentId;
use crate::domain::report::{OBJECTION_WINDOW, ReportEvent, ReportStatus};

fn any_status() -> impl Strategy<Value = ReportStatus> {
    proptest::sample::select(ReportStatus::ALL.to_vec())
}

proptest! {
    #[test]
    fn only_the_moves_of_the_machine_happen(moves in prop::collection::vec(any_status(), 1..40)) {
        let mut report = report(&category());
        let mut original = super::report(&category());
        original.id = crate::domain::report::ReportId(Uuid::from_u128(1));
        for (minute, to) in moves.into_iter().enumerate() {
            let before = report.clone();
            let by = act("d", minute as u64 + 1);
            let result = if to == ReportStatus::Duplicate {
                report.repeat(&original, "", &by)
            } else {
                report.answer(to, "so it is", &by)
            };
            let said_only = to == before.status && to.is_open();
            match result {
                Ok(change) => {
                    prop_assert!(said_only || before.status.next().contains(&to));
                    prop_assert_eq!(report.status, to);
                    prop_assert!(report.updated > before.updated);
                    prop_assert_eq!(report.duplicate_of.is_some(), to == ReportStatus::Duplicate);
                    prop_assert_eq!(report.close_due.is_some(), to == ReportStatus::Fixed);
                    let told = ReportEvent::StatusChanged { previous: before.status, actor: "d".into() };
                    prop_assert_eq!(change.events, vec![told]);
                }
                Err(_) => {
                    prop_assert!(!said_only && !before.status.next().contains(&to));
                    prop_assert_eq!(&report, &before);
                }
            }
            prop_assert_ne!(report.status, ReportStatus::Expired, "the city's word does not expire a report");
        }
    }

    #[test]
    fn the_votes_of_a_round_are_counted_once_each(votes in prop::collection::vec((0_u128..5, any::<bool>()), 1..60)) {
        let mut report = report(&category());
        let mut said = std::collections::HashMap::new();
        for (voter, confirmed) in votes {
            let voter = Uuid::from_u128(100 + voter);
            let previous = said.insert(voter, confirmed);
            report.vote(confirmed, previous, "", &act(&voter.to_string(), 1)).unwrap();
        }
        let count = |wanted: bool| said.values().filter(|confirmed| **confirmed == wanted).count();
        prop_assert_eq!(report.confirmed as usize, count(true));
        prop_assert_eq!(report.refuted as usize, count(false));
    }
}

#[test]
fn what_is_rejected_needs_a_reason() {
    assert!(report(&category()).answer(ReportStatus::Rejected, " ", &act("d", 1)).is_err());
}

#[test]
fn the_reporters_refusal_opens_a_fixed_report_again_within_fifteen_days() {
    let mut fixed = report(&category());
    fixed.answer(ReportStatus::Fixed, "filled", &act("d", 1)).unwrap();
    let mut late = fixed.clone();
    let me = reporter().to_string();

    let change = fixed.vote(false, None, "still there", &act(&me, 60)).unwrap();
    assert_eq!(fixed.status, ReportStatus::Accepted);
    assert_eq!(fixed.refuted, 0, "the votes on the fix do not count for what is open again");
    assert_eq!(change.events.len(), 1);

    let after = act(&me, 2 + OBJECTION_WINDOW.as_secs() / 60);
    assert_eq!(late.vote(false, None, "", &after).unwrap_err().reason(), "OBJECTION_WINDOW_OVER");
    assert_eq!(late.close_unobjected(&after).events.len(), 1);
    assert_eq!(late.status, ReportStatus::Closed);
}

#[test]
fn others_only_count_and_the_reporters_consent_closes() {
    let mut report = report(&category());
    report.answer(ReportStatus::Fixed, "", &act("d", 1)).unwrap();
    report.vote(false, None, "", &act(&Uuid::from_u128(9).to_string(), 2)).unwrap();
    assert_eq!((report.status, report.refuted), (ReportStatus::Fixed, 1));
    report.vote(true, None, "", &act(&reporter().to_string(), 3)).unwrap();
    assert_eq!((report.status, report.confirmed), (ReportStatus::Closed, 1));
}

#[test]
fn a_hazard_expires_unless_somebody_confirms_it() {
    let mut report = report(&hazard());
    assert!(report.expire(&act("", 59)).events.is_empty());
    report.vote(true, None, "", &act(&Uuid::from_u128(9).to_string(), 59)).unwrap();
    assert!(report.expire(&act("", 60)).events.is_empty());
    report.vote(true, Some(true), "", &act(&Uuid::from_u128(9).to_string(), 100)).unwrap();
    assert!(report.expire(&act("", 159)).events.is_empty(), "seeing it again starts the hour again");
    assert_eq!(report.confirmed, 1, "one person is one vote");
    assert_eq!(report.expire(&act("", 160)).events.len(), 1);
    assert_eq!(report.status, ReportStatus::Expired);
}

#[test]
fn three_more_who_say_it_is_gone_end_a_hazard() {
    let mut report = report(&hazard());
    for voter in 1..=3 {
        assert_eq!(report.status, ReportStatus::Received);
        report.vote(false, None, "", &act(&Uuid::from_u128(100 + voter).to_string(), 1)).unwrap();
    }
    assert_eq!(report.status, ReportStatus::Expired);
    let mut ordinary = super::report(&category());
    for voter in 1..=9 {
        ordinary.vote(false, None, "", &act(&Uuid::from_u128(100 + voter).to_string(), 1)).unwrap();
    }
    assert_eq!(ordinary.status, ReportStatus::Received);
}

#[test]
fn a_hazard_somebody_works_on_does_not_expire() {
    let mut report = report(&hazard());
    report.link(IncidentId(Uuid::from_u128(1)), &act("d", 1)).unwrap();
    assert_eq!(report.expire_due, None);
    report.unlink(&act("d", 10));
    assert_eq!(report.expire_due, Some(act("", 70).time));
    report.answer(ReportStatus::InProgress, "", &act("d", 20)).unwrap();
    assert_eq!(report.expire_due, None);
}

#[test]
fn a_duplicate_repeats_a_first_report_only() {
    let (mut a, mut b, mut c) = (report(&category()), report(&category()), report(&category()));
    assert!(a.repeat(&a.clone(), "", &act("d", 1)).is_err());
    b.repeat(&a, "", &act("d", 1)).unwrap();
    assert_eq!(c.repeat(&b, "", &act("d", 1)).unwrap_err().reason(), "ORIGINAL_IS_DUPLICATE");
    assert!(a.repeat(&b, "", &act("d", 1)).is_err(), "no circles");
}

#[test]
fn an_anonymous_reporter_is_named_nowhere() {
    let mut report = report(&category());
    report.anonymous = true;
    let me = reporter().to_string();
    report.answer(ReportStatus::Fixed, "", &act("d", 1)).unwrap();
    let change = report.vote(false, None, "no", &act(&me, 2)).unwrap();
    assert!(change.entries.iter().all(|entry| entry.actor.is_empty()));
    assert!(change.events.iter().all(|event| !format!("{event:?}").contains(&me)));
    assert_eq!(report.named_reporter(), None);
}

#[test]
fn moderation_leaves_a_trace_the_public_does_not_read() {
    let mut report = report(&category());
    let change = report.moderate(true, "insult", &act("m", 1));
    assert!(report.hidden && !change.entries[0].public && change.events.is_empty());
    assert!(report.moderate(true, "again", &act("m", 2)).entries.is_empty());
}
