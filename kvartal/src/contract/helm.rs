//! What the charts need to know of the contract: who calls whom, who needs which server.

use std::collections::{BTreeMap, BTreeSet};

use kvartal_contract::Service;
use serde_json::{Value, json};

/// A domain's needs; several gRPC services of one domain are one process.
#[derive(Default)]
struct Needs<'a> {
    calls: BTreeSet<&'a str>,
    called_by: BTreeSet<&'a str>,
    pages: BTreeSet<&'a str>,
    engine: &'static str,
    cache: bool,
    bus: bool,
}

/// YAML for `.Files.Get`, one entry for each domain.
pub(super) fn facts(services: &[&Service]) -> anyhow::Result<String> {
    let domains: BTreeMap<&str, &str> =
        services.iter().map(|service| (service.full_name.as_str(), service.domain.as_str())).collect();
    let mut needs: BTreeMap<&str, Needs<'_>> = BTreeMap::new();
    for service in services {
        let called: Vec<&str> = service.calls.iter().filter_map(|name| domains.get(name.as_str()).copied()).collect();
        for other in called.iter().filter(|other| **other != service.domain) {
            needs.entry(other).or_default().called_by.insert(&service.domain);
        }
        let own = needs.entry(&service.domain).or_default();
        own.calls.extend(called.iter().filter(|other| **other != service.domain));
        own.pages.extend(service.pages.iter().map(String::as_str));
        own.cache |= service.cache;
        own.bus |= !service.publishes.is_empty() || !service.consumes.is_empty();
        if own.engine.is_empty() || own.engine == "none" {
            own.engine = super::engine(service.database);
        }
    }
    let facts: BTreeMap<&str, Value> = needs.iter().map(|(domain, needs)| (*domain, needs.json())).collect();
    let yaml = serde_saphyr::to_string(&json!({ "services": facts }))?;
    Ok(format!("# Written by `kvartal contract --format helm`; change the contract, not this file.\n{yaml}"))
}

impl Needs<'_> {
    fn json(&self) -> Value {
        json!({
            "calls": self.calls,
            "calledBy": self.called_by,
            "pages": self.pages,
            "engine": self.engine,
            "cache": self.cache,
            "bus": self.bus,
        })
    }
}
