//! The values of the chart for an object. No passwords, no times: the same object gives the same text.

use serde::Serialize;
use serde_json::{Value, json};

use crate::api::{Engine, ServiceDatabaseSpec};
use crate::names;

/// What every database of this operator gets.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Repository of the image of PostgreSQL.
    pub image: String,
    /// Repository of the image of PostgreSQL with TimescaleDB.
    pub timescaledb_image: String,
    /// Where the operator's pods are, so that servers let them in.
    pub operator: Peer,
    /// Secrets for the registries of all these.
    pub pull_secrets: Vec<String>,
    /// The operator's own image: it carries backups to S3-compatible stores.
    pub own_image: Option<String>,
}

/// Pods of one kind in one namespace.
#[derive(Clone, Debug)]
pub struct Peer {
    /// `app.kubernetes.io/name` of the pods.
    pub name: String,
    /// Where they are: the operator need not be in the namespace of the databases.
    pub namespace: String,
}

/// Label of the pods of backups, checks and restores.
pub const JOB_NAME: &str = "kvartal-database-job";

/// Values as YAML.
pub fn values(service: &str, spec: &ServiceDatabaseSpec, defaults: &Defaults) -> String {
    let value = document(service, spec, defaults);
    // JSON is YAML, and its maps are sorted.
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn document(service: &str, spec: &ServiceDatabaseSpec, defaults: &Defaults) -> Value {
    let mut storage = json!({ "size": spec.storage.size });
    if let Some(class) = &spec.storage.class_name {
        storage["className"] = class.as_str().into();
    }
    let operator = json!({
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": defaults.operator.name } },
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": defaults.operator.namespace } },
    });
    let mut values = json!({
        "service": service,
        "engine": engine(spec.engine),
        "image": { "repository": image(spec, defaults), "tag": spec.version },
        "credentialsSecret": names::server_secret(service),
        "storage": storage,
        "networkPolicy": { "alsoFrom": [operator, { "app.kubernetes.io/name": JOB_NAME }] },
    });
    if let (Some(user), Some(from)) = (&spec.service, values["networkPolicy"]["alsoFrom"].as_array_mut()) {
        from.push(json!({ "app.kubernetes.io/name": user, "app.kubernetes.io/part-of": "kvartal" }));
    }
    if !defaults.pull_secrets.is_empty() {
        values["imagePullSecrets"] = pull_secrets(defaults);
    }
    if let Some(digest) = spec.image.as_ref().and_then(|image| image.digest.as_deref()) {
        values["image"]["digest"] = digest.into();
    }
    if !spec.parameters.is_empty() {
        values["parameters"] = plain(&spec.parameters);
    }
    if let Some(resources) = &spec.resources {
        values["resources"] = plain(resources);
    }
    values
}

/// As pods have them.
pub fn pull_secrets(defaults: &Defaults) -> Value {
    defaults.pull_secrets.iter().map(|name| json!({ "name": name })).collect()
}

/// The repository of the image that a database runs, and its Jobs do.
pub fn image<'a>(spec: &'a ServiceDatabaseSpec, defaults: &'a Defaults) -> &'a str {
    let own = match spec.engine {
        Engine::Postgres => &defaults.image,
        Engine::TimescaleDb => &defaults.timescaledb_image,
    };
    spec.image.as_ref().map_or(own, |image| &image.repository)
}

fn engine(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "postgres",
        Engine::TimescaleDb => "timescaledb",
    }
}

fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
