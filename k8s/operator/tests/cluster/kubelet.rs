//! What a node would do: pods become ready, or do not, Jobs end, volumes are bound.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

/// Decides what becomes of a pod: ready, or why not.
pub(crate) type Fate = Arc<dyn Fn(&Pod) -> Result<(), &'static str> + Send + Sync>;

/// Every pod becomes ready.
pub(crate) fn kind() -> Fate {
    Arc::new(|_| Ok(()))
}

/// Plays the node for a namespace, until it is dropped.
pub(crate) struct Kubelet(tokio::task::JoinHandle<()>);

impl Kubelet {
    pub(crate) fn new(client: &Client, namespace: &str, fate: Fate) -> Self {
        let (client, namespace) = (client.clone(), namespace.to_owned());
        Self(tokio::spawn(async move {
            let mut turns = tokio::time::interval(Duration::from_millis(150));
            loop {
                turns.tick().await;
                // The namespace may be going.
                let _ = turn(&client, &namespace, &fate).await;
            }
        }))
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn turn(client: &Client, namespace: &str, fate: &Fate) -> kube::Result<()> {
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    for volume in volumes.list(&ListParams::default()).await? {
        let requested = volume.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.clone());
        let has = volume.status.as_ref().and_then(|status| status.capacity.clone());
        if has != requested {
            let status = json!({ "status": { "phase": "Bound", "capacity": requested } });
            volumes.patch_status(&volume.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await?;
        }
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    for pod in pods.list(&ListParams::default()).await? {
        if let Some(status) = status(&pod, fate) {
            let status = json!({ "status": status });
            pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await?;
        }
    }
    Ok(())
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
