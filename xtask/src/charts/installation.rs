//! Whole installations, as the overlays describe them: the parts must find each other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;
use xshell::Shell;

use super::Release;
use super::objects::{Object, chosen};

/// What the contract says of each service.
pub(super) struct Facts {
    pub(super) calls: BTreeSet<String>,
    pub(super) engine: String,
}

/// By service.
pub(super) fn contract(sh: &Shell) -> anyhow::Result<BTreeMap<String, Facts>> {
    let contract: Value = serde_saphyr::from_str(&sh.read_file("charts/domain-service/contract.yaml")?)?;
    let services = contract["services"].as_object().context("the contract names no services")?;
    let facts = |facts: &Value| Facts {
        calls: facts["calls"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
        engine: facts["engine"].as_str().unwrap_or_default().to_owned(),
    };
    Ok(services.iter().map(|(name, value)| (name.clone(), facts(value))).collect())
}

/// All releases of an installation: the platform, each service, and its database.
pub(super) fn render(sh: &Shell, environment: &str, problems: &mut Vec<String>) -> anyhow::Result<Vec<Object>> {
    let overlay = |name: &str| format!("k8s/overlays/{environment}/{name}.yaml").into();
    let mut releases = vec![Release::of("platform", vec![overlay("platform")])];
    for (service, facts) in contract(sh)? {
        let own = format!("charts/domain-service/services/{service}.yaml");
        if !sh.path_exists(&own) {
            problems.push(format!("{own} is missing: the contract has the service {service}"));
            continue;
        }
        releases.push(Release::of("domain-service", vec![own.into(), overlay("service")]));
        let mut database = Release::of("service-database", vec![overlay("database")]);
        database.set = vec![format!("service={service}"), format!("engine={}", facts.engine)];
        releases.push(database);
        for release in releases.iter_mut().rev().take(2) {
            release.name = format!("{service}-{environment}");
        }
    }
    if let Some(platform) = releases.first_mut() {
        platform.name = environment.to_owned();
    }
    let rendered: Result<Vec<_>, _> = releases.iter().map(|release| release.render(sh, problems)).collect();
    Ok(rendered?.into_iter().flatten().collect())
}

/// What does not fit together.
pub(super) fn check(environment: &str, objects: &[Object]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for object in objects {
        let mut wrong = |what: String| problems.push(format!("{environment}: {}: {what}", object.place()));
        if !names.insert((object.kind(), object.name())) {
            wrong("is there twice".to_owned());
        }
        match object.kind() {
            "Service" => service(object, objects, &mut wrong),
            "PodDisruptionBudget" | "NetworkPolicy" => {
                let by = object.labels(match object.kind() {
                    "NetworkPolicy" => "/spec/podSelector/matchLabels",
                    _ => "/spec/selector/matchLabels",
                });
                if !objects.iter().filter_map(Object::pods).any(|pods| chosen(&by, &pods.labels)) {
                    wrong(format!("chooses no pods by {by:?}"));
                }
            }
            "ServiceMonitor" => monitor(object, objects, &mut wrong),
            "HorizontalPodAutoscaler" => {
                let name = object.text("/spec/scaleTargetRef/name");
                match objects.iter().find(|other| other.kind() == "Deployment" && other.name() == name) {
                    None => wrong(format!("there is no deployment {name}")),
                    Some(other) if !other.value["spec"]["replicas"].is_null() => {
                        wrong(format!("deployment {name} says how many replicas it has; an upgrade would reset them"));
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
        for name in configurations(object) {
            if !objects.iter().any(|other| other.kind() == "ConfigMap" && other.name() == name) {
                wrong(format!("there is no ConfigMap {name}"));
            }
        }
    }
    problems
}

/// A service finds pods, and each of its ports is open in all of them.
fn service(object: &Object, objects: &[Object], wrong: &mut impl FnMut(String)) {
    let by = object.labels("/spec/selector");
    let found: Vec<_> = objects.iter().filter_map(Object::pods).filter(|pods| chosen(&by, &pods.labels)).collect();
    if found.is_empty() {
        wrong(format!("chooses no pods by {by:?}"));
    }
    for port in object.value["spec"]["ports"].as_array().into_iter().flatten() {
        let target = port["targetPort"].as_str().unwrap_or_default();
        for pods in found.iter().filter(|pods| !pods.ports().contains_key(target)) {
            wrong(format!("pods of {} have no port {target}", pods.name));
        }
    }
}

/// A monitor finds services that have the port.
fn monitor(object: &Object, objects: &[Object], wrong: &mut impl FnMut(String)) {
    let by = object.labels("/spec/selector/matchLabels");
    let port = object.text("/spec/endpoints/0/port");
    let has = |service: &&Object| {
        service.value["spec"]["ports"].as_array().into_iter().flatten().any(|other| other["name"] == port)
    };
    let services =
        objects.iter().filter(|other| other.kind() == "Service" && chosen(&by, &other.labels("/metadata/labels")));
    if services.filter(has).count() != 1 {
        wrong(format!("must choose one service that has the port {port}, by {by:?}"));
    }
}

/// The ConfigMaps that its pods mount.
fn configurations(object: &Object) -> Vec<String> {
    let Some(pods) = object.pods() else { return Vec::new() };
    let volumes = pods.spec["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| Some(volume["configMap"]["name"].as_str()?.to_owned())).collect()
}
