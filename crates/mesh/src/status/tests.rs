//! Errors to statuses and back.

use std::time::Duration;

use kvartal_kernel::{Error, Kind, Violation};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{INTERNAL_MESSAGE, code_name, from_status, to_status};

const KINDS: [(Kind, Code); 11] = [
    (Kind::InvalidArgument, Code::InvalidArgument),
    (Kind::NotFound, Code::NotFound),
    (Kind::AlreadyExists, Code::AlreadyExists),
    (Kind::FailedPrecondition, Code::FailedPrecondition),
    (Kind::Aborted, Code::Aborted),
    (Kind::PermissionDenied, Code::PermissionDenied),
    (Kind::Unauthenticated, Code::Unauthenticated),
    (Kind::ResourceExhausted, Code::ResourceExhausted),
    (Kind::Unavailable, Code::Unavailable),
    (Kind::DeadlineExceeded, Code::DeadlineExceeded),
    (Kind::Internal, Code::Internal),
];

#[test]
fn every_kind_has_its_code_and_comes_back_as_itself() {
    for (kind, code) in KINDS {
        let status = to_status(Error::new(kind, "SOME_REASON", "some message"));
        assert_eq!(status.code(), code);
        let again = from_status(&status);
        assert_eq!(again.kind(), kind);
        if kind != Kind::Internal {
            assert_eq!((again.reason(), again.message()), ("SOME_REASON", "some message"));
        }
    }
}

#[test]
fn details_name_the_reason_the_fields_and_when_to_repeat() {
    let violation = |field: &str| Violation { field: field.into(), description: "must be set".into() };
    let status = to_status(Error::violations(vec![violation("name"), violation("place.line[2]")]));
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().domain, "kvartal");
    let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["name", "place.line[2]"]);
    assert_eq!(from_status(&status).field_violations().len(), 2);

    let busy = Error::new(Kind::ResourceExhausted, "RATE_LIMITED", "slowly").with("class", "write");
    let status = to_status(busy.retry_after(Duration::from_millis(1_500)));
    let details = status.get_error_details();
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_millis(1_500)));
    assert_eq!(details.error_info().unwrap().metadata["class"], "write");
    let again = from_status(&status);
    assert_eq!(again.retry_delay(), Some(Duration::from_millis(1_500)));
    assert_eq!(again.metadata(), [("class", "write".to_owned())]);
}

#[test]
fn our_own_faults_tell_nothing_outside() {
    let status = to_status(Error::internal("no such column: password_hash").because("at row 7"));
    assert_eq!((status.code(), status.message()), (Code::Internal, INTERNAL_MESSAGE));
    assert!(!String::from_utf8_lossy(status.details()).contains("password"));
}

#[test]
fn statuses_of_strangers_are_understood_too() {
    assert_eq!(from_status(&Status::cancelled("")).kind(), Kind::Unavailable);
    assert_eq!(from_status(&Status::out_of_range("")).kind(), Kind::InvalidArgument);
    assert_eq!(from_status(&Status::unimplemented("")).kind(), Kind::Internal);
    assert_eq!(from_status(&Status::unknown("")).reason(), "UNKNOWN");
    assert_eq!(from_status(&Status::unavailable("")).retry_delay(), Some(Duration::from_secs(1)));
    let garbage = Status::with_details(Code::NotFound, "gone", bytes::Bytes::from_static(b"\xff\xff"));
    assert_eq!((from_status(&garbage).kind(), from_status(&garbage).reason()), (Kind::NotFound, "NOT_FOUND"));
}

#[test]
fn code_names_are_those_of_the_standard() {
    assert_eq!(code_name(Code::Ok), "OK");
    assert_eq!(code_name(Code::from_i32(16)), "UNAUTHENTICATED");
}
