//! Criticality: how much it hurts when a call is dropped, known to everything that runs on its behalf.

use std::future::Future;

use http::{HeaderMap, HeaderValue};

/// The header in which it is sent between services. Edges strip every header that begins with `x-kvartal-`.
pub(crate) const CRITICALITY_HEADER: &str = "x-kvartal-criticality";

/// The four classes of the SRE book, the most dispensable first: who is short of capacity drops from the low end. A call
/// made on behalf of another one inherits its class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Criticality {
    /// May fail often: batch work that is repeated anyway.
    Sheddable,
    /// May fail at times: batch work that somebody waits for.
    SheddablePlus,
    /// A person waits; what a call is when nobody says otherwise.
    #[default]
    Critical,
    /// Its failure is seen by many at once: signing in, alarms.
    CriticalPlus,
}

tokio::task_local! {
    static AMBIENT: Criticality;
}

impl Criticality {
    /// Every class, in order.
    pub const ALL: [Self; 4] = [Self::Sheddable, Self::SheddablePlus, Self::Critical, Self::CriticalPlus];

    /// Of the call on whose behalf this task runs; [`Criticality::Critical`] outside of calls.
    pub fn current() -> Self {
        AMBIENT.try_with(|criticality| *criticality).unwrap_or_default()
    }

    /// As the header has it; what is absent or unknown is [`Criticality::Critical`].
    pub fn read(headers: &HeaderMap) -> Self {
        headers.get(CRITICALITY_HEADER).and_then(|value| Self::parse(value.to_str().ok()?)).unwrap_or_default()
    }

    /// Of an outgoing call: what its maker wrote himself, else the class of the call on whose behalf it is made.
    pub(crate) fn of_call(headers: &HeaderMap) -> Self {
        if headers.contains_key(CRITICALITY_HEADER) { Self::read(headers) } else { Self::current() }
    }

    /// Writes the header; the usual class needs none.
    pub fn write(self, headers: &mut HeaderMap) {
        if self == Self::default() {
            headers.remove(CRITICALITY_HEADER);
        } else {
            headers.insert(CRITICALITY_HEADER, HeaderValue::from_static(self.name()));
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|criticality| criticality.name() == name)
    }

    /// Its name, for the header and for metrics: `SHEDDABLE_PLUS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sheddable => "SHEDDABLE",
            Self::SheddablePlus => "SHEDDABLE_PLUS",
            Self::Critical => "CRITICAL",
            Self::CriticalPlus => "CRITICAL_PLUS",
        }
    }
}

/// Runs `future` on behalf of a call of this class.
pub async fn within<F: Future>(criticality: Criticality, future: F) -> F::Output {
    AMBIENT.scope(criticality, future).await
}

#[cfg(test)]
mod tests;
