//! Criticality on its way: known to everything that runs on behalf of a call. A call made on behalf of another one inherits
//! its class.

use std::future::Future;

use http::{HeaderMap, HeaderValue};
use kvartal_contract::Criticality;

/// The header in which it is sent between services. Edges strip every header that begins with `x-kvartal-`.
pub(crate) const CRITICALITY_HEADER: &str = "x-kvartal-criticality";

tokio::task_local! {
    static AMBIENT: Criticality;
}

/// Of the call on whose behalf this task runs; [`Criticality::Critical`] outside of calls.
pub fn current() -> Criticality {
    AMBIENT.try_with(|criticality| *criticality).unwrap_or_default()
}

/// As the header has it; `None` when it is absent or unknown.
pub(crate) fn read(headers: &HeaderMap) -> Option<Criticality> {
    Criticality::parse(headers.get(CRITICALITY_HEADER)?.to_str().ok()?)
}

/// Of an outgoing call: what its maker wrote himself, else the class of the call on whose behalf it is made.
pub(crate) fn of_call(headers: &HeaderMap) -> Criticality {
    if headers.contains_key(CRITICALITY_HEADER) { read(headers).unwrap_or_default() } else { current() }
}

/// Writes the header; the usual class needs none.
pub(crate) fn write(criticality: Criticality, headers: &mut HeaderMap) {
    if criticality == Criticality::default() {
        headers.remove(CRITICALITY_HEADER);
    } else {
        headers.insert(CRITICALITY_HEADER, HeaderValue::from_static(criticality.name()));
    }
}

/// Runs `future` on behalf of a call of this class.
pub async fn within<F: Future>(criticality: Criticality, future: F) -> F::Output {
    AMBIENT.scope(criticality, future).await
}

#[cfg(test)]
mod tests;
