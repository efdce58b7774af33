//! The only mapping between [`kernel::Error`](kvartal_kernel::Error) and gRPC statuses.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use kvartal_kernel::{Error, Kind, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Domain of every `google.rpc.ErrorInfo` of the platform.
pub(crate) const DOMAIN: &str = "kvartal";

/// All that the outside learns about our own faults.
pub(crate) const INTERNAL_MESSAGE: &str = "something went wrong on our side";

/// The status of an error, with `google.rpc` details: ErrorInfo always, BadRequest for wrong fields, RetryInfo where
/// repeating makes sense. An internal error is logged here, once, with its causes; only its trace id leaves the house.
pub fn to_status(error: Error) -> Status {
    if error.kind() == Kind::Internal {
        tracing::error!(error = error.chain(), "internal error");
        return internal();
    }
    let metadata: HashMap<_, _> = error.metadata().iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
    let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, metadata);
    for violation in error.field_violations() {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    if let Some(after) = error.retry_delay() {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(code(error.kind()), error.message(), details)
}

/// What counts against a service; with every other code it has done what it promised.
pub const FAULTS: [Code; 6] =
    [Code::Unknown, Code::DeadlineExceeded, Code::Unimplemented, Code::Internal, Code::Unavailable, Code::DataLoss];

/// Whether a call that ended with this code failed through the fault of whoever answered it.
pub fn is_fault(code: Code) -> bool {
    FAULTS.contains(&code)
}

/// The status of an internal error: nothing but the trace id.
pub(crate) fn internal() -> Status {
    let trace: HashMap<_, _> = crate::trace::trace_id().map(|id| ("trace_id".to_owned(), id)).into_iter().collect();
    let details = ErrorDetails::with_error_info("INTERNAL", DOMAIN, trace);
    Status::with_error_details(Code::Internal, INTERNAL_MESSAGE, details)
}

/// A status of the stack itself.
pub(crate) fn refusal(code: Code, reason: &'static str, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    Status::with_error_details(code, message, details)
}

/// The status of a call that took too long, on either side.
pub(crate) fn too_late() -> Status {
    refusal(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "it took too long")
}

/// What a status from another service means here. Reasons, violations and retry delays are kept.
pub fn from_status(status: &Status) -> Error {
    let details = status.get_error_details();
    let kind = kind(status.code());
    if let Some(bad) = details.bad_request().filter(|bad| !bad.field_violations.is_empty()) {
        let violations = bad.field_violations.iter();
        return Error::violations(
            violations.map(|v| Violation { field: v.field.clone(), description: v.description.clone() }).collect(),
        );
    }
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    let reason = info.and_then(|info| intern(&info.reason)).unwrap_or_else(|| code_name(status.code()));
    let mut error = Error::new(kind, reason, status.message());
    if let Some(info) = info {
        for (key, value) in &info.metadata {
            if let Some(key) = intern(key) {
                error = error.with(key, value);
            }
        }
    }
    let pushback = details.retry_info().and_then(|info| info.retry_delay);
    match pushback {
        Some(after) => error.retry_after(after),
        None if kind == Kind::Unavailable => error.retry_after(Duration::from_secs(1)),
        None => error,
    }
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::InvalidArgument => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::FailedPrecondition => Code::FailedPrecondition,
        Kind::Aborted => Code::Aborted,
        Kind::PermissionDenied => Code::PermissionDenied,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::ResourceExhausted => Code::ResourceExhausted,
        Kind::Unavailable => Code::Unavailable,
        Kind::DeadlineExceeded => Code::DeadlineExceeded,
        Kind::Internal => Code::Internal,
    }
}

fn kind(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Kind::InvalidArgument,
        Code::NotFound => Kind::NotFound,
        Code::AlreadyExists => Kind::AlreadyExists,
        Code::FailedPrecondition => Kind::FailedPrecondition,
        Code::Aborted => Kind::Aborted,
        Code::PermissionDenied => Kind::PermissionDenied,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::ResourceExhausted => Kind::ResourceExhausted,
        Code::Unavailable | Code::Cancelled => Kind::Unavailable,
        Code::DeadlineExceeded => Kind::DeadlineExceeded,
        // UNIMPLEMENTED between our own services means that they do not fit together: our fault.
        Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Kind::Internal,
    }
}

/// The name of a code as the standard writes it: `OK`, `PERMISSION_DENIED`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Reasons are `&'static str` in our errors; those from the wire are kept once each. The table is bounded and takes only
/// what looks like a reason or a key, so a strange peer cannot make it grow.
fn intern(text: &str) -> Option<&'static str> {
    const KEPT_MAX: usize = 1_024;
    static KEPT: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !fits {
        return None;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(text) {
        return Some(known);
    }
    if kept.len() >= KEPT_MAX {
        return None;
    }
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    kept.insert(text);
    Some(text)
}

#[cfg(test)]
mod tests;
