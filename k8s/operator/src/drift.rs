//! Whether the objects of a release are still what Helm made of them, and putting them back.
//!
//! The API server itself is asked what an object would become if it were applied again; nothing is compared here that it
//! would see differently, such as `1024Mi` and `1Gi`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

/// Helm's own name as a writer of fields.
const MANAGER: &str = "helm";

/// The revision of a release and the versions of its objects.
type Versions = (u64, Vec<String>);

/// What was looked at, by release, so that unchanged objects need no second look.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<HashMap<String, Versions>>>);

/// The objects of one revision of a release.
pub struct Objects<'a> {
    /// How the cluster is reached.
    pub client: &'a Client,
    /// Where the release is.
    pub namespace: &'a str,
    /// Its name.
    pub release: &'a str,
    /// The number of its revision.
    pub revision: u64,
    /// What it holds.
    pub manifest: Vec<Value>,
}

impl Objects<'_> {
    /// The objects that are missing or differ, as `Kind/name`.
    pub async fn drifted(&self, seen: &Seen) -> anyhow::Result<Vec<String>> {
        let mut live = Vec::new();
        for object in &self.manifest {
            let (api, name) = self.api(object)?;
            live.push(api.get_opt(&name).await?);
        }
        let version =
            |object: &Option<DynamicObject>| object.as_ref().and_then(|o| o.resource_version()).unwrap_or_default();
        let versions: Vec<String> = live.iter().map(version).collect();
        let key = format!("{}/{}", self.namespace, self.release);
        let all_there = live.iter().all(Option::is_some);
        let known = (self.revision, versions);
        if all_there && seen.lock().get(&key) == Some(&known) {
            return Ok(Vec::new());
        }
        let mut drifted = Vec::new();
        for (object, live) in self.manifest.iter().zip(live) {
            let name = title(object);
            match live {
                None => drifted.push(name),
                Some(live) => {
                    let applied =
                        self.apply(object, true).await.with_context(|| format!("{name} cannot be compared"))?;
                    if comparable(applied)? != comparable(live)? {
                        drifted.push(name);
                    }
                }
            }
        }
        if drifted.is_empty() {
            seen.lock().insert(key, known);
        }
        Ok(drifted)
    }

    /// Puts them back.
    pub async fn correct(&self, drifted: &[String]) -> anyhow::Result<()> {
        for object in self.manifest.iter().filter(|object| drifted.contains(&title(object))) {
            self.apply(object, false).await.with_context(|| format!("{} cannot be put back", title(object)))?;
        }
        Ok(())
    }

    async fn apply(&self, object: &Value, dry: bool) -> anyhow::Result<DynamicObject> {
        let (api, name) = self.api(object)?;
        let mut object = object.clone();
        // Helm adds these while it applies; without them they would be taken away.
        object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
        object["metadata"]["annotations"]["meta.helm.sh/release-name"] = self.release.into();
        object["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = self.namespace.into();
        let params = PatchParams { dry_run: dry, ..PatchParams::apply(MANAGER).force() };
        Ok(api.patch(&name, &params, &Patch::Apply(&object)).await?)
    }

    fn api(&self, object: &Value) -> anyhow::Result<(Api<DynamicObject>, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let name = text(&object["metadata"]["name"]);
        anyhow::ensure!(!name.is_empty() && !kind.is_empty(), "the release holds an object without a name");
        Ok((Api::namespaced_with(self.client.clone(), self.namespace, &resource), name))
    }
}

impl Seen {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u64, Vec<String>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a release that is gone.
    pub fn forget(&self, namespace: &str, release: &str) {
        self.lock().remove(&format!("{namespace}/{release}"));
    }
}

fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// Without what changes by itself.
fn comparable(object: DynamicObject) -> anyhow::Result<Value> {
    let mut object = serde_json::to_value(object)?;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"] {
            metadata.remove(field);
        }
        metadata.retain(|_, value| *value != json!({}) && !value.is_null());
    }
    Ok(object)
}
