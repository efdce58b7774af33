//! Rendered objects, and what must hold for each of them alone: the restricted Pod Security Standard, and limits.

use std::collections::BTreeMap;

use serde_json::Value;

/// Kinds that are in no namespace.
const CLUSTER_WIDE: [&str; 2] = ["ClusterRole", "CustomResourceDefinition"];

/// Labels.
pub(super) type Labels = BTreeMap<String, String>;

/// An object as Helm renders it.
pub(super) struct Object {
    file: String,
    pub(super) value: Value,
}

/// The pods of an object.
pub(super) struct Pods<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Labels,
    pub(super) spec: &'a Value,
}

impl Object {
    pub(super) fn new(file: &str, value: Value) -> Self {
        Self { file: file.to_owned(), value }
    }

    pub(super) fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub(super) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// The text at a JSON pointer; empty when there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// As it is called in a problem.
    pub(super) fn place(&self) -> String {
        format!("{}: {}/{}", self.file, self.kind(), self.name())
    }

    /// The labels at a JSON pointer.
    pub(super) fn labels(&self, pointer: &str) -> Labels {
        self.value.pointer(pointer).map(labels).unwrap_or_default()
    }

    /// What it runs, if it runs something.
    pub(super) fn pods(&self) -> Option<Pods<'_>> {
        let template =
            matches!(self.kind(), "Deployment" | "StatefulSet" | "Job").then(|| &self.value["spec"]["template"])?;
        Some(Pods { name: self.name(), labels: labels(&template["metadata"]["labels"]), spec: &template["spec"] })
    }

    /// What is wrong with it, wherever it is installed.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let namespace = if CLUSTER_WIDE.contains(&self.kind()) { "" } else { "city" };
        if self.text("/metadata/namespace") != namespace {
            wrong.push("metadata.namespace is not that of the release".to_owned());
        }
        if let Some(pods) = self.pods() {
            pods.restricted(&mut wrong);
        }
        wrong.into_iter().map(|what| format!("{}: {what}", self.place())).collect()
    }
}

impl Pods<'_> {
    /// Its containers, those that run first included.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Value> {
        ["containers", "initContainers"].into_iter().filter_map(|key| self.spec[key].as_array()).flatten()
    }

    /// The numbers of the ports it opens, by name.
    pub(super) fn ports(&self) -> BTreeMap<&str, u64> {
        let ports = self.containers().filter_map(|container| container["ports"].as_array()).flatten();
        ports.filter_map(|port| Some((port["name"].as_str()?, port["containerPort"].as_u64()?))).collect()
    }

    fn restricted(&self, wrong: &mut Vec<String>) {
        let security = &self.spec["securityContext"];
        if security["runAsNonRoot"] != true || security["runAsUser"].as_u64().is_none_or(|user| user == 0) {
            wrong.push("pods must run as a user that is not root, by number".to_owned());
        }
        if security["seccompProfile"]["type"] != "RuntimeDefault" {
            wrong.push("pods must have the seccomp profile RuntimeDefault".to_owned());
        }
        if self.spec["enableServiceLinks"] != false {
            wrong.push("enableServiceLinks must be false: the environment is the program's".to_owned());
        }
        for container in self.containers() {
            let name = container["name"].as_str().unwrap_or_default();
            let security = &container["securityContext"];
            if security["allowPrivilegeEscalation"] != false
                || security["readOnlyRootFilesystem"] != true
                || security["capabilities"]["drop"] != serde_json::json!(["ALL"])
            {
                wrong.push(format!("container {name} must be restricted, with a read-only root file system"));
            }
            if container["resources"]["limits"]["memory"].is_null() {
                wrong.push(format!("container {name} has no limit of memory"));
            }
        }
    }
}

/// Of a map of texts.
pub(super) fn labels(value: &Value) -> Labels {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Whether all that is asked for is there.
pub(super) fn chosen(by: &Labels, labels: &Labels) -> bool {
    by.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Object;

    fn deployment(user: u64) -> Object {
        let security =
            json!({ "runAsNonRoot": true, "runAsUser": user, "seccompProfile": { "type": "RuntimeDefault" } });
        let container = json!({
            "name": "one",
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] }
            },
            "resources": { "limits": { "memory": "1Mi" } },
        });
        let spec = json!({ "securityContext": security, "enableServiceLinks": false, "containers": [container] });
        Object::new(
            "x",
            json!({ "kind": "Deployment", "metadata": { "name": "x", "namespace": "city" }, "spec": { "template": { "spec": spec } } }),
        )
    }

    #[test]
    fn pods_of_root_are_a_problem() {
        assert_eq!(deployment(65_532).problems(), Vec::<String>::new());
        assert_eq!(deployment(0).problems(), ["x: Deployment/x: pods must run as a user that is not root, by number"]);
    }
}
