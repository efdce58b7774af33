//! Schemas of the kinds that the charts render, for kubeconform: from the API that Kubernetes publishes with its sources,
//! and from the definitions of the Prometheus operator. Both are Go modules, so they are pinned by checksum.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use xshell::{Shell, cmd};

use super::objects::Object;

/// The module that has the definitions of its custom resources as JSON.
const PROMETHEUS: &str = "github.com/prometheus-operator/prometheus-operator@v0.85.0";
/// Its checksum, as `go mod download` computes it.
const PROMETHEUS_SUM: &str = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=";
/// Custom resources and the files that define them.
const CUSTOM: [(&str, &str); 2] =
    [("ServiceMonitor", "servicemonitors-crd.json"), ("PrometheusRule", "prometheusrules-crd.json")];

/// One file for each kind, named as kubeconform asks for it: `deployment-apps-v1.json`.
pub(super) fn write(sh: &Shell, objects: &[Object], folder: &str) -> anyhow::Result<()> {
    sh.create_dir(folder)?;
    let kinds: BTreeSet<(&str, &str)> =
        objects.iter().map(|object| (object.text("/apiVersion"), object.kind())).collect();
    let kubernetes = module(sh, &format!("k8s.io/kubernetes@v{}", super::KUBERNETES), None)?;
    let api: Value = serde_json::from_str(&sh.read_file(format!("{kubernetes}/api/openapi-spec/swagger.json"))?)?;
    let own = by_kind(&api);
    for (version, kind) in kinds {
        let (group, number) = version.split_once('/').unwrap_or(("", version));
        let schema = if let Some((_, file)) = CUSTOM.iter().find(|(custom, _)| *custom == kind) {
            custom(sh, file, number)?
        } else {
            let name =
                own.get(&(group, number, kind)).with_context(|| format!("Kubernetes has no {kind} in {version}"))?;
            with_definitions(&api, name)
        };
        let middle = group.split('.').next().filter(|part| !part.is_empty()).map(|part| format!("-{part}"));
        let file = format!("{folder}/{}{}-{number}.json", kind.to_lowercase(), middle.unwrap_or_default());
        sh.write_file(file, serde_json::to_string(&schema)?)?;
    }
    Ok(())
}

/// Where Go keeps the module.
fn module(sh: &Shell, name: &str, sum: Option<&str>) -> anyhow::Result<String> {
    // Where the version of Kubernetes is pinned with its checksum.
    let _there = sh.push_dir("e2e/tools/kubernetes");
    let _this_go = sh.push_env("GOTOOLCHAIN", "local");
    let told: Value = serde_json::from_str(&cmd!(sh, "go mod download -json {name}").quiet().read()?)?;
    if let Some(sum) = sum {
        anyhow::ensure!(told["Sum"] == sum, "{name} has the checksum {}, not {sum}", told["Sum"]);
    }
    told["Dir"].as_str().map(str::to_owned).with_context(|| format!("{name} cannot be had"))
}

/// The names of definitions, by group, version and kind.
fn by_kind(api: &Value) -> BTreeMap<(&str, &str, &str), &str> {
    let mut found = BTreeMap::new();
    for (name, definition) in api["definitions"].as_object().into_iter().flatten() {
        for kind in definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let text = |key: &str| kind[key].as_str().unwrap_or_default();
            found.insert((text("group"), text("version"), text("kind")), name.as_str());
        }
    }
    found
}

/// A definition with all that it refers to.
fn with_definitions(api: &Value, name: &str) -> Value {
    let mut definitions = Map::new();
    let mut wanted = vec![name.to_owned()];
    while let Some(name) = wanted.pop() {
        if definitions.contains_key(&name) {
            continue;
        }
        let definition = match name.rsplit('.').next() {
            // Texts in the API, and read from numbers too.
            Some("IntOrString") => json!({ "type": ["string", "integer"] }),
            Some("Quantity") => json!({ "type": ["string", "number"] }),
            _ => strict(&api["definitions"][&name]),
        };
        references(&definition, &mut wanted);
        definitions.insert(name, definition);
    }
    json!({ "$ref": format!("#/definitions/{name}"), "definitions": definitions })
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/definitions/"));
            found.extend(name.map(str::to_owned));
            map.values().for_each(|inner| references(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

/// The same schema, which takes no fields that it does not name.
fn strict(schema: &Value) -> Value {
    let Value::Object(map) = schema else {
        return match schema {
            Value::Array(list) => list.iter().map(strict).collect(),
            other => other.clone(),
        };
    };
    let mut own: Map<String, Value> = map.iter().map(|(key, inner)| (key.clone(), strict(inner))).collect();
    if own.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        own.insert("type".to_owned(), json!(["string", "integer"]));
        own.remove("anyOf");
    }
    // A schema, and not a property that is called so.
    if own.get("properties").is_some_and(Value::is_object) && own.get("type").is_none_or(Value::is_string) {
        own.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    Value::Object(own)
}

/// A kind of the Prometheus operator.
fn custom(sh: &Shell, file: &str, version: &str) -> anyhow::Result<Value> {
    let folder = module(sh, PROMETHEUS, Some(PROMETHEUS_SUM))?;
    let definition: Value =
        serde_json::from_str(&sh.read_file(format!("{folder}/jsonnet/prometheus-operator/{file}"))?)?;
    let versions = definition["spec"]["versions"].as_array().into_iter().flatten();
    let own =
        versions.into_iter().find(|own| own["name"] == version).with_context(|| format!("{file} has no {version}"))?;
    let mut schema = strict(&own["schema"]["openAPIV3Schema"]);
    schema["properties"]["metadata"] = json!({ "type": "object" });
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{strict, with_definitions};

    #[test]
    fn fields_without_a_name_are_refused_and_all_definitions_come_along() {
        let api = json!({ "definitions": {
            "a": { "type": "object", "properties": { "b": { "$ref": "#/definitions/b" }, "c": { "$ref": "#/definitions/x.Quantity" } } },
            "b": { "type": "object", "additionalProperties": { "type": "string" } },
            "d": {},
        }});
        let schema = with_definitions(&api, "a");
        assert_eq!(schema["definitions"]["a"]["additionalProperties"], false);
        assert_eq!(schema["definitions"]["b"], api["definitions"]["b"]);
        assert_eq!(schema["definitions"]["x.Quantity"], json!({ "type": ["string", "number"] }));
        assert!(schema["definitions"].get("d").is_none());
        assert_eq!(strict(&json!({ "properties": {} }))["additionalProperties"], false);
    }
}
