//! Between `google.protobuf.Timestamp` and the kernel's time.

use kvartal_kernel::{Error, Timestamp};

/// For an answer.
pub fn to_proto(moment: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = moment.to_parts();
    prost_types::Timestamp { seconds, nanos }
}

/// From a request; `field` names the input in the error.
pub fn from_proto(field: &str, moment: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Error> {
    let Some(moment) = moment else { return Ok(None) };
    Timestamp::from_parts(moment.seconds, moment.nanos)
        .map(Some)
        .ok_or_else(|| Error::invalid(field, "must be a time between the years 1 and 9999"))
}
