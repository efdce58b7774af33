//! Pauses: between attempts of a call, and between attempts to connect.

use std::time::Duration;

use http::HeaderMap;
use tonic_types::StatusExt as _;

/// The pause before the first retry lies anywhere below this; it doubles each time.
const RETRY_FIRST: Duration = Duration::from_millis(25);
/// The longest pause before a retry.
const RETRY_MAX: Duration = Duration::from_millis(250);
/// The pause after a first failure to connect; it doubles each time.
const CONNECT_FIRST: Duration = Duration::from_millis(100);
/// The longest pause between attempts to connect.
const CONNECT_MAX: Duration = Duration::from_secs(60);
/// Up to this part longer, so that clients of a restarted server do not come together.
const CONNECT_JITTER: f64 = 0.1;
/// The header by which a server asks for a pause before the next attempt, or with a negative number for none.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The pause before retry number `retry` (from 1), drawn evenly from zero to its bound. `chance` is drawn from 0..1.
pub(crate) fn before_retry(retry: u32, chance: f64) -> Duration {
    doubled(RETRY_FIRST, RETRY_MAX, retry.saturating_sub(1)).mul_f64(chance.clamp(0.0, 1.0))
}

/// The pause after `failures` failures to connect in a row (from 1). `chance` is drawn from 0..1.
pub(crate) fn before_connect(failures: u32, chance: f64) -> Duration {
    let pause = doubled(CONNECT_FIRST, CONNECT_MAX, failures.saturating_sub(1));
    pause.mul_f64(1.0 + CONNECT_JITTER * chance.clamp(0.0, 1.0))
}

fn doubled(first: Duration, longest: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(16))).min(longest)
}

/// What a server says about retries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pushback {
    /// Nothing.
    None,
    /// Not before this has passed.
    After(Duration),
    /// Never.
    Stop,
}

impl Pushback {
    /// From the trailers of a refusal: the gRPC header counts before `google.rpc.RetryInfo`; a value that is no number
    /// means never.
    pub(crate) fn read(trailers: &HeaderMap) -> Self {
        if let Some(value) = trailers.get(PUSHBACK) {
            let millis = value.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok());
            return match millis.and_then(|millis| u64::try_from(millis).ok()) {
                Some(millis) => Self::After(Duration::from_millis(millis)),
                None => Self::Stop,
            };
        }
        let details = tonic::Status::from_header_map(trailers).map(|status| status.get_error_details());
        match details.and_then(|details| details.retry_info().and_then(|info| info.retry_delay)) {
            Some(after) => Self::After(after),
            None => Self::None,
        }
    }
}

#[cfg(test)]
mod tests;
