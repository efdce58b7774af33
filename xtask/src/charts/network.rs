//! Who reaches whom, by the NetworkPolicies of an installation: just what the contract lists, port by port.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::installation::Facts;
use super::objects::{Labels, Object, chosen, labels};

/// From whom, to whom, on which port.
type Flow = (String, String, u64);
/// Who is no part of the installation.
const ANYBODY: &str = "anybody";

/// Flows that are open and should not be, or the other way round.
pub(super) fn check(environment: &str, objects: &[Object], contract: &BTreeMap<String, Facts>) -> Vec<String> {
    let policies: Vec<&Value> =
        objects.iter().filter(|object| object.kind() == "NetworkPolicy").map(|object| &object.value["spec"]).collect();
    let pods: Vec<_> = objects.iter().filter_map(Object::pods).collect();
    let mut open = BTreeSet::new();
    for (from, to) in pods.iter().flat_map(|from| pods.iter().map(move |to| (from, to))) {
        for port in to.ports().into_values().filter(|_| from.name != to.name) {
            let leaves = allowed(&policies, Direction::Egress, &from.labels, &to.labels, port);
            if leaves && allowed(&policies, Direction::Ingress, &to.labels, &from.labels, port) {
                open.insert((from.name.to_owned(), to.name.to_owned(), port));
            }
        }
    }
    // Somebody with no labels of ours, whom no policy keeps from leaving.
    for (to, port) in pods.iter().flat_map(|to| to.ports().into_values().map(move |port| (to, port))) {
        if allowed(&policies, Direction::Ingress, &to.labels, &Labels::new(), port) {
            open.insert((ANYBODY.to_owned(), to.name.to_owned(), port));
        }
    }
    let names: BTreeSet<&str> = pods.iter().map(|pods| pods.name).chain([ANYBODY]).collect();
    let wanted = wanted(contract, &names);
    let tell = |(from, to, port): &Flow, what: &str| format!("{environment}: {from} → {to}:{port} {what}");
    let too_much = open.difference(&wanted).map(|flow| tell(flow, "is let through, and nothing asks for it"));
    let too_little = wanted.difference(&open).map(|flow| tell(flow, "is needed, and a policy denies it"));
    too_much.chain(too_little).collect()
}

/// What an installation needs to work, of the pods that there are.
fn wanted(contract: &BTreeMap<String, Facts>, names: &BTreeSet<&str>) -> BTreeSet<Flow> {
    let mut flows = BTreeSet::new();
    let mut flow = |from: &str, to: &str, port: u64| {
        if names.contains(from) && names.contains(to) {
            flows.insert((from.to_owned(), to.to_owned(), port));
        }
    };
    // Where each sends its traces is an option; the policy allows what it names.
    let store = if names.contains("collector") { "collector" } else { "jaeger" };
    flow("collector", "jaeger", 4318);
    flow(ANYBODY, "gateway", 8080);
    flow("gateway", "edge", 8080);
    flow("gateway", "guard", 9191);
    flow("guard", "identity", 9090);
    for from in ["gateway", "edge", "guard"] {
        flow(from, store, 4318);
    }
    for from in ["edge", "guard"] {
        flow(from, "redis", 6379);
    }
    for (service, Facts { calls, engine }) in contract {
        let (database, port) = (format!("{service}-database"), if engine == "clickhouse" { 8123 } else { 5432 });
        flow("gateway", service, 9090);
        flow("edge", service, 9090);
        flow(service, &database, port);
        flow(&format!("{service}-migrate"), &database, port);
        flow(service, "rabbitmq", 5672);
        flow(service, "redis", 6379);
        flow(service, store, 4318);
        for called in calls {
            flow(service, called, 9090);
        }
    }
    flows
}

#[derive(Clone, Copy)]
enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// Its name among `policyTypes`, its rules, and whom they are about.
    fn keys(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Ingress => ("Ingress", "ingress", "from"),
            Self::Egress => ("Egress", "egress", "to"),
        }
    }
}

/// Whether `pod` may speak with `other`, in this direction: all may that no policy is about.
fn allowed(policies: &[&Value], direction: Direction, pod: &Labels, other: &Labels, port: u64) -> bool {
    let (kind, rules, peers) = direction.keys();
    let about = |policy: &&&Value| {
        let types = policy["policyTypes"].as_array().into_iter().flatten();
        types.into_iter().any(|name| name == kind) && matches(&policy["podSelector"], pod)
    };
    let mut found = policies.iter().filter(about).peekable();
    found.peek().is_none()
        || found.any(|policy| {
            let mut rules = policy[rules].as_array().into_iter().flatten();
            rules.any(|rule| peer(&rule[peers], other) && opens(&rule["ports"], port))
        })
}

/// Whether the list names the pod; no list names all.
fn peer(peers: &Value, pod: &Labels) -> bool {
    // An address is none of the installation's pods, and neither are the pods of a chosen namespace.
    let named = |peer: &Value| {
        let here = peer["namespaceSelector"].is_null() || peer["namespaceSelector"] == serde_json::json!({});
        !peer["podSelector"].is_null() && here && matches(&peer["podSelector"], pod)
    };
    peers.as_array().is_none_or(|peers| peers.iter().any(named))
}

fn opens(ports: &Value, port: u64) -> bool {
    ports.as_array().is_none_or(|ports| ports.iter().any(|open| open["port"].as_u64() == Some(port)))
}

fn matches(selector: &Value, pod: &Labels) -> bool {
    chosen(&labels(&selector["matchLabels"]), pod)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Direction, Labels, allowed};

    fn pod(name: &str) -> Labels {
        Labels::from([("name".to_owned(), name.to_owned())])
    }

    #[test]
    fn without_a_policy_all_is_open_and_with_one_only_what_it_lists() {
        let (deny, allow) = (
            json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
            json!({
                "podSelector": { "matchLabels": { "name": "b" } },
                "policyTypes": ["Ingress"],
                "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "name": "a" } } }], "ports": [{ "port": 1 }] }],
            }),
        );
        let may = |policies: &[&serde_json::Value], from: &str, port| {
            allowed(policies, Direction::Ingress, &pod("b"), &pod(from), port)
        };
        assert!(may(&[], "a", 1));
        assert!(!may(&[&deny], "a", 1));
        assert!(may(&[&deny, &allow], "a", 1));
        assert!(!may(&[&deny, &allow], "a", 2));
        assert!(!may(&[&deny, &allow], "c", 1));
        assert!(allowed(&[&deny, &allow], Direction::Egress, &pod("b"), &pod("c"), 7));
    }
}
