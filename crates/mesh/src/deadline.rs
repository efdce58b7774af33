//! Deadlines: one absolute moment for each call, known to everything that runs on its behalf.

use std::future::Future;
use std::io::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

/// The header in which gRPC sends what is left.
pub(crate) static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Kept back from what is left when calling on: the time the answer needs for its way back.
pub const MARGIN: Duration = Duration::from_millis(5);

/// Longer timeouts are cut to this; it also keeps clocks from overflowing.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

tokio::task_local! {
    static AMBIENT: Instant;
}

/// When the call on whose behalf this task runs must be answered; `None` outside of calls.
pub fn current() -> Option<Instant> {
    AMBIENT.try_with(|deadline| *deadline).ok()
}

/// What is left of the call on whose behalf this task runs; `None` outside of calls.
pub fn remaining() -> Option<Duration> {
    current().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Runs `future` on behalf of a call that must be answered by `deadline`.
pub async fn within<F: Future>(deadline: Instant, future: F) -> F::Output {
    AMBIENT.scope(deadline, future).await
}

/// How long an outgoing call may take: the shortest of its contract, what it asked for itself, and what is left of the
/// call it is made for less [`MARGIN`]. `None` when nothing is left.
pub(crate) fn budget(contract: Duration, asked: Option<Duration>, left: Option<Duration>) -> Option<Duration> {
    let mut budget = contract.min(LONGEST);
    if let Some(asked) = asked {
        budget = budget.min(asked);
    }
    if let Some(left) = left {
        budget = budget.min(left.saturating_sub(MARGIN));
    }
    (!budget.is_zero()).then_some(budget)
}

/// A `grpc-timeout` header that is not one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed;

/// Reads `grpc-timeout`: at most 8 digits and a unit.
pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
    let Some(value) = headers.get(&GRPC_TIMEOUT) else { return Ok(None) };
    let (unit, digits) = value.as_bytes().split_last().ok_or(Malformed)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    let number = digits.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let timeout = match unit {
        b'H' => Duration::from_secs(number.saturating_mul(3_600)),
        b'M' => Duration::from_secs(number.saturating_mul(60)),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return Err(Malformed),
    };
    Ok(Some(timeout.min(LONGEST)))
}

/// Writes `grpc-timeout` in the finest unit that fits into 8 digits.
pub(crate) fn write(headers: &mut HeaderMap, timeout: Duration) {
    let timeout = timeout.min(LONGEST);
    let (number, unit) =
        if timeout.as_micros() < 100_000_000 { (timeout.as_micros(), 'u') } else { (timeout.as_millis(), 'm') };
    // Without a string in between: this is done for every call.
    let mut text = [0_u8; 16];
    let mut rest = &mut text[..];
    let written = write!(rest, "{}{unit}", u64::try_from(number).unwrap_or(u64::MAX));
    let unused = rest.len();
    if written.is_ok()
        && let Ok(mut value) = HeaderValue::from_bytes(&text[..text.len() - unused])
    {
        // It differs with every call: in HPACK's table each would push others out, and be compared with all before it.
        value.set_sensitive(true);
        headers.insert(&GRPC_TIMEOUT, value);
    }
}

#[cfg(test)]
mod tests;
