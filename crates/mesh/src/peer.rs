//! Where a call comes from, and who makes it.

use std::net::IpAddr;

use http::HeaderMap;
use kvartal_kernel::Caller;

/// Longest kept name of a client program, in characters.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Where a call comes from: a request extension. An in-process edge inserts it; [`crate::server::serve`] derives it from
/// the connection (and from `x-forwarded-for` when it stands behind known proxies). A call without it comes from inside
/// the process. It is an extension and no header, so nobody can send it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Peer {
    /// Network address without the port; empty when unknown.
    pub address: String,
    /// What the client calls itself; at most 200 characters, none of them a control character.
    pub user_agent: String,
}

impl Peer {
    /// From an address and the request's headers.
    pub fn new(address: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let address = address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
        Self { address, user_agent: user_agent(headers) }
    }

    /// From an address as text, for connections whose requests all come from there.
    pub(crate) fn at(address: &str, headers: &HeaderMap) -> Self {
        Self { address: address.to_owned(), user_agent: user_agent(headers) }
    }

    /// From a connection behind `trusted_proxies` proxies, each of which has appended the address it saw to
    /// `x-forwarded-for`. Entries to the left of those are the client's own words and are ignored. With zero, or when the
    /// header is shorter than the chain of proxies, the connection's address counts.
    pub fn behind(trusted_proxies: usize, connection: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let forwarded = || {
            let position = trusted_proxies.checked_sub(1)?;
            let entries = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
            let entry = entries.flat_map(|value| value.rsplit(',')).nth(position)?;
            entry.trim().parse().ok()
        };
        Self::new(forwarded().or(connection), headers)
    }
}

/// The client program's name for itself, safe to keep.
pub(crate) fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text.len() <= USER_AGENT_CHARS_MAX && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return text.to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS_MAX).collect()
}

/// Who calls, as the server stack established it. Without a stack before it, nobody in particular.
pub fn caller<T>(request: &tonic::Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_else(Caller::anonymous)
}

#[cfg(test)]
mod tests;
