//! From EndpointSlices to endpoints, without any network.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Event;

use super::Port;
use crate::client::address::Address;

/// The slices of one service as the watch has told them so far. A service has several; an address may stand in more than
/// one of them while it moves between them.
#[derive(Debug, Default)]
pub(super) struct Slices {
    known: BTreeMap<String, BTreeSet<Address>>,
    /// Those of a listing that is not complete yet.
    listing: Option<BTreeMap<String, BTreeSet<Address>>>,
}

impl Slices {
    /// Takes an event. All endpoints afterwards; `None` while a listing is under way, in which what was known stays.
    pub(super) fn apply(&mut self, event: Event<EndpointSlice>, port: &Port) -> Option<BTreeSet<Address>> {
        match event {
            Event::Init => {
                self.listing = Some(BTreeMap::new());
                return None;
            }
            Event::InitApply(slice) => {
                self.listing.get_or_insert_default().insert(name(&slice), addresses(&slice, port));
                return None;
            }
            Event::InitDone => self.known = self.listing.take().unwrap_or_default(),
            Event::Apply(slice) => {
                self.known.insert(name(&slice), addresses(&slice, port));
            }
            Event::Delete(slice) => {
                self.known.remove(&name(&slice));
            }
        }
        Some(self.known.values().flatten().cloned().collect())
    }
}

fn name(slice: &EndpointSlice) -> String {
    slice.metadata.name.clone().unwrap_or_default()
}

/// The ready endpoints of a slice. Unset conditions mean ready, as the API defines; one that is ending takes no new calls.
fn addresses(slice: &EndpointSlice, port: &Port) -> BTreeSet<Address> {
    if slice.address_type == "FQDN" {
        return BTreeSet::new();
    }
    let Some(port) = number(slice, port) else { return BTreeSet::new() };
    let ready = slice.endpoints.iter().filter(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|conditions| conditions.ready).unwrap_or(true)
            && !conditions.and_then(|conditions| conditions.terminating).unwrap_or(false)
    });
    let ips = ready.flat_map(|endpoint| &endpoint.addresses).filter_map(|address| address.parse().ok());
    ips.map(|ip| Address::new(ip, port)).collect()
}

fn number(slice: &EndpointSlice, port: &Port) -> Option<u16> {
    match port {
        Port::Number(number) => Some(*number),
        Port::Named(name) => {
            let named = slice.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name))?;
            u16::try_from(named.port?).ok()
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
