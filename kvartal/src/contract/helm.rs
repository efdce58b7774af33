//! What the charts need to know of the contract: who calls whom, who needs which server.

use std::collections::{BTreeMap, BTreeSet};

use kvartal_contract::{Contract, Service};
use serde_json::{Value, json};

/// A domain's needs; several gRPC services of one domain are one process.
#[derive(Default)]
struct Needs<'a> {
    calls: BTreeSet<&'a str>,
    called_by: BTreeSet<&'a str>,
    engine: &'static str,
    bus: bool,
}

/// Whose keys verify access tokens: the host of every service asks for them, whatever the service itself calls.
const KEYS: &str = "identity";

/// YAML for `.Files.Get`: an entry for each domain that is wanted. Who calls it may be any other.
pub(super) fn facts(contract: &Contract, wanted: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let mut needs: BTreeMap<&str, Needs<'_>> = contract.domains().map(|name| (name, Needs::default())).collect();
    for service in contract.services().filter(|service| !service.every_service) {
        let called = called(contract, service);
        for other in &called {
            needs.entry(other).or_default().called_by.insert(&service.domain);
        }
        let own = needs.entry(&service.domain).or_default();
        own.calls.extend(called);
        own.bus |= !service.publishes.is_empty() || !service.consumes.is_empty();
        if own.engine.is_empty() || own.engine == "none" {
            own.engine = super::engine(service.database);
        }
    }
    let facts: BTreeMap<&str, Value> =
        needs.iter().filter(|(domain, _)| wanted(domain)).map(|(domain, needs)| (*domain, needs.json())).collect();
    let yaml = serde_saphyr::to_string(&json!({ "services": facts }))?;
    Ok(format!("# Written by `kvartal contract --format helm`; change the contract, not this file.\n{yaml}"))
}

/// The other domains that a process calls; all of them where it calls what every service offers.
fn called<'a>(contract: &'a Contract, service: &'a Service) -> BTreeSet<&'a str> {
    let mut called = BTreeSet::new();
    for other in service.calls.iter().filter_map(|name| contract.service(name)) {
        if other.every_service {
            called.extend(contract.domains());
        } else {
            called.insert(other.domain.as_str());
        }
    }
    called.insert(KEYS);
    called.remove(service.domain.as_str());
    called
}

impl Needs<'_> {
    fn json(&self) -> Value {
        json!({ "calls": self.calls, "calledBy": self.called_by, "engine": self.engine, "bus": self.bus })
    }
}
