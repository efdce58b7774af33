//! Criticality on its way: known to everything that runs on behalf of a call. A call made on behalf of another one inherits
//! its class.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use kvartal_contract::Criticality;

/// The header in which it is sent between services. Edges strip every header that begins with `x-kvartal-`.
pub(crate) static CRITICALITY_HEADER: HeaderName = HeaderName::from_static("x-kvartal-criticality");

tokio::task_local! {
    static AMBIENT: Criticality;
}

/// Of the call on whose behalf this task runs; [`Criticality::Critical`] outside of calls.
pub fn current() -> Criticality {
    AMBIENT.try_with(|criticality| *criticality).unwrap_or_default()
}

/// As the header has it; `None` when it is absent or unknown.
pub(crate) fn read(headers: &HeaderMap) -> Option<Criticality> {
    Criticality::parse(headers.get(&CRITICALITY_HEADER)?.to_str().ok()?)
}

/// Of an outgoing call, and written into its headers: what its maker wrote himself, else the class of the call on whose
/// behalf it is made. What is unknown is [`Criticality::Critical`], which needs no header.
pub(crate) fn of_call(headers: &mut HeaderMap) -> Criticality {
    let written = headers.contains_key(&CRITICALITY_HEADER);
    let criticality = if written { read(headers).unwrap_or_default() } else { current() };
    if criticality != Criticality::default() {
        headers.insert(&CRITICALITY_HEADER, HeaderValue::from_static(criticality.name()));
    } else if written {
        headers.remove(&CRITICALITY_HEADER);
    }
    criticality
}

/// Runs `future` on behalf of a call of this class.
pub async fn within<F: Future>(criticality: Criticality, future: F) -> F::Output {
    AMBIENT.scope(criticality, future).await
}

#[cfg(test)]
mod tests;
