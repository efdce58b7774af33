//! When backups are made and checked.

use kvartal_kernel::Timestamp;

use super::{Kind, Known, Move, Progress, Run, plan, schedule};
use crate::api::BackupRecord;
use crate::names;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn record(time: &str) -> BackupRecord {
    let at = at(time);
    BackupRecord { name: names::backup(at), at: at.into(), bytes: 1, tables: 1, rows: 1, seconds: 1 }
}

fn run(kind: Kind, time: &str, progress: Progress) -> Run {
    let created = at(time);
    let backup = names::backup(created);
    Run { job: format!("news-{}-{backup}", kind.word()), kind, backup, progress, request: None, created }
}

const MONDAY: &str = "2026-11-23T03:00:00Z";
const TUESDAY: &str = "2026-11-24T03:00:00Z";

fn planned(
    last: Option<&BackupRecord>,
    verified: Option<&BackupRecord>,
    runs: &[Run],
    request: Option<&str>,
    now: &str,
) -> Move {
    let schedule = schedule("0 3 * * *").unwrap();
    let created = at("2026-11-22T12:00:00Z");
    plan(&Known { schedule: &schedule, last, verified, handled: Some("old"), request, created, runs }, at(now))
}

#[test]
fn a_backup_is_made_at_its_time_and_then_checked() {
    let monday = record(MONDAY);
    assert_eq!(planned(None, None, &[], None, "2026-11-22T13:00:00Z"), Move::Rest(Some(at(MONDAY))));
    assert_eq!(planned(None, None, &[], None, "2026-11-23T03:00:01Z"), Move::Make(None));
    let active = run(Kind::Backup, MONDAY, Progress::Active);
    assert_eq!(planned(None, None, &[active], None, "2026-11-23T03:00:02Z"), Move::Wait);
    let done = run(Kind::Backup, MONDAY, Progress::Succeeded);
    assert_eq!(planned(None, None, std::slice::from_ref(&done), None, MONDAY), Move::Record(done.clone()));
    let verify = Move::Verify(monday.name.clone());
    assert_eq!(planned(Some(&monday), None, std::slice::from_ref(&done), None, MONDAY), verify);
    let checked = run(Kind::Verify, MONDAY, Progress::Succeeded);
    let runs = [done, checked.clone()];
    assert_eq!(planned(Some(&monday), None, &runs, None, MONDAY), Move::Record(checked));
    let rest = Move::Rest(Some(at(TUESDAY)));
    assert_eq!(planned(Some(&monday), Some(&monday), &runs, None, MONDAY), rest);
    // The Jobs are gone after a day; nothing is made again for it.
    assert_eq!(planned(Some(&monday), Some(&monday), &[], None, MONDAY), rest);
}

#[test]
fn a_backup_that_failed_is_tried_at_the_next_time() {
    let failed = run(Kind::Backup, MONDAY, Progress::Failed);
    let later = planned(None, None, std::slice::from_ref(&failed), None, "2026-11-23T05:00:00Z");
    assert_eq!(later, Move::Rest(Some(at(TUESDAY))));
    assert_eq!(planned(None, None, &[failed], None, TUESDAY), Move::Make(None));
}

#[test]
fn a_damaged_backup_is_not_checked_for_ever_and_the_next_one_is() {
    let (monday, tuesday) = (record(MONDAY), record(TUESDAY));
    let damaged = run(Kind::Verify, MONDAY, Progress::Failed);
    let later = planned(Some(&monday), None, std::slice::from_ref(&damaged), None, MONDAY);
    assert_eq!(later, Move::Rest(Some(at(TUESDAY))));
    assert_eq!(planned(Some(&tuesday), None, &[damaged], None, TUESDAY), Move::Verify(tuesday.name.clone()));
}

#[test]
fn a_request_is_answered_once_even_when_nobody_noted_it() {
    let monday = record(MONDAY);
    let asked =
        |runs: &[Run], request| planned(Some(&monday), Some(&monday), runs, Some(request), "2026-11-23T04:00:00Z");
    assert_eq!(asked(&[], "now"), Move::Make(Some("now".to_owned())));
    assert_eq!(asked(&[], "old"), Move::Rest(Some(at(TUESDAY))));
    let mut answered = run(Kind::Backup, "2026-11-23T04:00:00Z", Progress::Failed);
    answered.request = Some("now".to_owned());
    assert_eq!(asked(&[answered], "now"), Move::Note("now".to_owned()));
}

#[test]
fn a_schedule_that_is_none_is_refused() {
    for wrong in ["", "* * * *", "61 3 * * *", "0 0 3 * * *", "often"] {
        assert!(schedule(wrong).is_err(), "{wrong}");
    }
}
