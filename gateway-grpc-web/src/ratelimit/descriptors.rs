//! What Envoy asks to count.

use std::net::IpAddr;

use kvartal_contract::RateClass;
use kvartal_kernel::Caller;
use kvartal_mesh::rate::class_of;
use kvartal_mesh::server::rate_key;

use super::DOMAIN;
use crate::protocol::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use crate::protocol::envoy::service::ratelimit::v3::RateLimitRequest;

/// Descriptors of one request at most; the others are not understood.
const DESCRIPTORS_MAX: usize = 16;
/// Longest name of a caller, in characters. Those that differ only beyond it share their rate.
const CALLER_CHARS_MAX: usize = 128;
/// More calls at once than any burst: such a number is refused anyway, and times stay within what Lua can count.
const HITS_MAX: u32 = 1_000_000;

/// Keeps the books of the edge apart from those of the services.
const BOOKS: &str = "edge:";

/// A descriptor, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// Somebody's calls.
    Caller { class: RateClass, key: String, hits: u32 },
    /// An address of somebody who is known better.
    PassedOver,
    /// Not for us.
    Unknown,
}

impl Counted {
    /// Class, key and number of calls, for what is to be counted.
    pub(super) fn named(&self) -> Option<(RateClass, &str, u32)> {
        match self {
            Self::Caller { class, key, hits } => Some((*class, key, *hits)),
            Self::PassedOver | Self::Unknown => None,
        }
    }
}

/// Understands every descriptor of a request, in their order.
pub(super) fn read(request: &RateLimitRequest) -> Vec<Counted> {
    let known = request.descriptors.iter().any(|descriptor| !entry(descriptor, "caller").is_empty());
    let one = |(place, descriptor): (usize, &RateLimitDescriptor)| {
        if place >= DESCRIPTORS_MAX || request.domain != DOMAIN {
            return Counted::Unknown;
        }
        let named = descriptor.hits_addend.unwrap_or_else(|| u64::from(request.hits_addend.max(1)));
        let hits = u32::try_from(named).unwrap_or(HITS_MAX).min(HITS_MAX);
        understand(descriptor, hits, known).unwrap_or(Counted::Unknown)
    };
    request.descriptors.iter().enumerate().map(one).collect()
}

fn understand(descriptor: &RateLimitDescriptor, hits: u32, known: bool) -> Option<Counted> {
    let class = class_of(entry(descriptor, "class"))?;
    let caller = entry(descriptor, "caller");
    if !caller.is_empty() {
        let caller = caller_key(caller);
        return Some(Counted::Caller { class, key: format!("{BOOKS}{caller}"), hits });
    }
    let addresses = ["remote_address", "masked_remote_address"].map(|key| entry(descriptor, key));
    let address = addresses.into_iter().find(|address| !address.is_empty())?;
    // `masked_remote_address` is written as 192.0.2.0/24.
    let address: IpAddr = address.split('/').next()?.parse().ok()?;
    if known {
        return Some(Counted::PassedOver);
    }
    Some(Counted::Caller { class, key: format!("{BOOKS}{}", address_key(address)), hits })
}

fn caller_key(caller: &str) -> String {
    match caller.parse() {
        Ok(address) => address_key(address),
        Err(_) => format!("id:{}", caller.chars().take(CALLER_CHARS_MAX).collect::<String>()),
    }
}

/// As the services name an address.
fn address_key(address: IpAddr) -> String {
    let nobody = Caller { address: address.to_canonical().to_string(), ..Caller::anonymous() };
    rate_key(&nobody).unwrap_or_default()
}

/// The value of an entry; empty when there is none.
fn entry<'a>(descriptor: &'a RateLimitDescriptor, key: &str) -> &'a str {
    descriptor.entries.iter().find(|entry| entry.key == key).map_or("", |entry| entry.value.as_str())
}
