//! Addresses behind proxies.

use http::{HeaderMap, HeaderValue};

use super::Peer;

fn headers(forwarded: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_static(value));
    }
    headers
}

fn address(trusted: usize, forwarded: &[&'static str]) -> String {
    Peer::behind(trusted, Some("10.0.0.1".parse().unwrap()), &headers(forwarded)).address
}

#[test]
fn without_proxies_what_the_client_says_is_ignored() {
    assert_eq!(address(0, &["1.2.3.4"]), "10.0.0.1");
}

#[test]
fn a_proxy_vouches_for_the_entry_it_appended_only() {
    assert_eq!(address(1, &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
    assert_eq!(address(1, &["6.6.6.6", "1.2.3.4"]), "1.2.3.4");
    assert_eq!(address(2, &["6.6.6.6, 1.2.3.4, 10.0.0.9"]), "1.2.3.4");
}

#[test]
fn a_header_that_is_too_short_or_no_address_leaves_the_connection() {
    assert_eq!(address(1, &[]), "10.0.0.1");
    assert_eq!(address(3, &["1.2.3.4"]), "10.0.0.1");
    assert_eq!(address(1, &["unknown"]), "10.0.0.1");
}

#[test]
fn a_mapped_address_is_written_as_what_it_is() {
    let peer = Peer::new(Some("::ffff:1.2.3.4".parse().unwrap()), &HeaderMap::new());
    assert_eq!(peer.address, "1.2.3.4");
}

#[test]
fn a_long_user_agent_is_cut() {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_str(&"a".repeat(5_000)).unwrap());
    assert_eq!(Peer::new(None, &headers).user_agent.len(), 200);
}
