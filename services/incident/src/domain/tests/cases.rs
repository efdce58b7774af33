//! Reports that follow their incident.

use kvartal_kernel::Uuid;
use proptest::prelude::*;

use super::{act, category, incident, report, reporter};
use crate::domain::case::{Case, TrackedIncident, TrackedReport};
use crate::domain::incident::IncidentStatus;
use crate::domain::report::{Report, ReportId, ReportStatus};

fn case(reports: Vec<Report>) -> Case {
    Case {
        incident: Some(TrackedIncident::read(incident())),
        reports: reports.into_iter().map(|report| (report.id, TrackedReport::read(report))).collect(),
        ..Case::default()
    }
}

fn linked() -> (Case, ReportId) {
    let report = report(&category());
    let id = report.id;
    let mut case = case(vec![report]);
    case.link(id, &act("d", 1)).unwrap();
    (case, id)
}

fn status(case: &Case, id: ReportId) -> ReportStatus {
    case.reports[&id].now.status
}

#[test]
fn a_linked_report_goes_where_its_incident_goes() {
    let (mut case, id) = linked();
    assert_eq!(status(&case, id), ReportStatus::Accepted);
    assert_eq!(case.incident().unwrap().now.reports, vec![id]);
    case.transition(IncidentStatus::InProgress, "", &act("p", 2)).unwrap();
    assert_eq!(status(&case, id), ReportStatus::InProgress);
    case.transition(IncidentStatus::Resolved, "towed away", &act("p", 3)).unwrap();
    assert_eq!(status(&case, id), ReportStatus::Fixed);
    assert_eq!(case.reports[&id].now.answer, "towed away");
    assert_eq!(case.reports[&id].change.events.len(), 3, "each move is told to those who follow the report");
}

#[test]
fn closing_what_was_resolved_does_not_undo_the_reporters_objection() {
    let (mut case, id) = linked();
    case.transition(IncidentStatus::Resolved, "", &act("p", 2)).unwrap();
    case.cast(id, reporter(), false, "no", &act(&reporter().to_string(), 3)).unwrap();
    assert_eq!(status(&case, id), ReportStatus::Accepted);
    case.close_due(&act("", 10)).unwrap();
    assert_eq!(case.incident().unwrap().now.status, IncidentStatus::Closed);
    assert_eq!(status(&case, id), ReportStatus::Accepted);
}

#[test]
fn a_report_belongs_to_one_incident() {
    let (mut case, id) = linked();
    let before = case.clone();
    case.link(id, &act("d", 2)).unwrap();
    assert_eq!(case, before, "the same again changes nothing");
    case.incident().unwrap().now.id = crate::domain::incident::IncidentId(Uuid::from_u128(3));
    assert_eq!(case.link(id, &act("d", 2)).unwrap_err().reason(), "LINKED_ALREADY");
}

#[test]
fn unlinking_leaves_the_status() {
    let (mut case, id) = linked();
    case.unlink(id, &act("d", 2)).unwrap();
    assert_eq!(status(&case, id), ReportStatus::Accepted);
    assert!(case.incident().unwrap().now.reports.is_empty());
    assert_eq!(case.reports[&id].now.incident, None);
}

#[test]
fn the_reporter_of_a_duplicate_follows_the_original() {
    let (mut original, mut copy) = (report(&category()), report(&category()));
    original.reporter = Some(Uuid::from_u128(1));
    copy.id = ReportId(Uuid::from_u128(2));
    let (original_id, copy_id) = (original.id, copy.id);
    let mut case = case(vec![original, copy]);
    case.answer(copy_id, ReportStatus::Duplicate, "", Some(original_id), &act("d", 1)).unwrap();
    assert_eq!(case.follows, vec![(original_id, reporter())]);
    let unknown = Some(ReportId(Uuid::from_u128(99)));
    assert!(case.answer(original_id, ReportStatus::Duplicate, "", unknown, &act("d", 1)).is_err());
}

proptest! {
    #[test]
    fn incident_and_reports_never_contradict_each_other(moves in prop::collection::vec(0_usize..9, 1..40)) {
        let (mut case, id) = linked();
        case.incident().unwrap().now.team = "roads".into();
        for (minute, choice) in moves.into_iter().enumerate() {
            let by = act("d", 2 + minute as u64);
            match choice {
                7 => drop(case.unlink(id, &by)),
                8 => drop(case.link(id, &by)),
                status => drop(case.transition(IncidentStatus::ALL[status], "", &by)),
            }
            let incident = case.incident().unwrap().now.clone();
            let report = &case.reports[&id].now;
            prop_assert_eq!(report.incident == Some(incident.id), incident.reports.contains(&id));
            if report.incident.is_some() {
                prop_assert_eq!(report.status, ReportStatus::following(incident.status));
            }
        }
    }
}
