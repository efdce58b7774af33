//! What a node would do: pods become ready, or do not, Jobs end, volumes are bound.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Before what did not work is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Decides what becomes of a pod: ready, or why not.
pub(crate) type Fate = Arc<dyn Fn(&Pod) -> Result<(), &'static str> + Send + Sync>;

/// Every pod becomes ready.
pub(crate) fn kind() -> Fate {
    Arc::new(|_| Ok(()))
}

/// Plays the node for a namespace, until it is dropped.
pub(crate) struct Kubelet([tokio::task::JoinHandle<()>; 2]);

impl Kubelet {
    pub(crate) fn new(client: &Client, namespace: &str, fate: Fate) -> Self {
        let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        Self([tokio::spawn(follow(volumes, bound)), tokio::spawn(follow(pods, move |pod: &Pod| status(pod, &fate)))])
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Gives objects the status that they are to have, whenever one changes. It is told of changes: dozens of namespaces in which
/// somebody asks again and again leave no processor for those who are tested.
async fn follow<K>(api: Api<K>, status: impl Fn(&K) -> Option<Value> + Send + Sync + 'static)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let mut events = pin!(watcher::watcher(api.clone(), watcher::Config::default()));
    while let Some(event) = events.next().await {
        let object = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => object,
            Ok(_) => continue,
            // The namespace may be going.
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let Some(status) = status(&object) else { continue };
        let (name, patch) = (object.name_any(), Patch::Merge(json!({ "status": status })));
        // Of an object that stays as it is nobody tells again.
        while let Err(error) = api.patch_status(&name, &PatchParams::default(), &patch).await {
            if matches!(&error, kube::Error::Api(status) if status.is_not_found()) {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// A volume is as large as it is asked to be.
fn bound(volume: &PersistentVolumeClaim) -> Option<Value> {
    let requested = volume.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.clone());
    let has = volume.status.as_ref().and_then(|status| status.capacity.clone());
    (has != requested).then(|| json!({ "phase": "Bound", "capacity": requested }))
}

fn status(pod: &Pod, fate: &Fate) -> Option<Value> {
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
    let container = pod.spec.as_ref()?.containers.first()?;
    if phase == "Succeeded" || phase == "Failed" {
        return None;
    }
    let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(k8s_openapi::jiff::Timestamp::now());
    let basic = |ready: bool, state: Value| json!([{ "name": container.name, "image": container.image, "imageID": "", "ready": ready, "restartCount": 0, "state": state }]);
    let conditions = |ready: &str| {
        ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
            .map(|kind| json!({ "type": kind, "status": if kind == "PodScheduled" { "True" } else { ready }, "lastTransitionTime": now }))
    };
    if pod.labels().contains_key("batch.kubernetes.io/job-name") {
        let name =
            container.env.iter().flatten().find(|variable| variable.name == "NAME").and_then(|name| name.value.clone());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "20261126t030000z".to_owned());
        let (code, message) = match fate(pod) {
            Ok(()) => (0, json!({ "name": name, "bytes": 1000, "tables": 3, "rows": 30, "seconds": 1 }).to_string()),
            Err(message) => (1, message.to_owned()),
        };
        let ended =
            json!({ "terminated": { "exitCode": code, "message": message, "finishedAt": now, "startedAt": now } });
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        return Some(
            json!({ "phase": phase, "conditions": conditions("False"), "containerStatuses": basic(false, ended) }),
        );
    }
    match fate(pod) {
        Ok(()) if phase == "Running" => None,
        Ok(()) => Some(json!({
            "phase": "Running", "conditions": conditions("True"),
            "containerStatuses": basic(true, json!({ "running": { "startedAt": now } })),
        })),
        Err(reason) => {
            let waits = pod
                .status
                .iter()
                .flat_map(|status| status.container_statuses.iter().flatten())
                .any(|one| one.state.as_ref().is_some_and(|state| state.waiting.is_some()));
            let state = json!({ "waiting": { "reason": reason, "message": "as the test says" } });
            (!waits).then(|| json!({ "phase": "Pending", "conditions": conditions("False"), "containerStatuses": basic(false, state) }))
        }
    }
}
