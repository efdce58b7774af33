//! A namespace with one database, a kubelet for it, and a PostgreSQL behind it.

use std::fmt::Debug;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{GroupVersionKind, NamespaceResourceScope};
use kube::{Client, Resource};
use kvartal_operator::api::{Condition, ServiceDatabase};
use kvartal_testing::{PostgresServer, eventually, tool};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::apiserver::{Cluster, write_kubeconfig};
use crate::kubelet::{Fate, Kubelet};
use crate::operator::Settings;

const SOON: Duration = Duration::from_secs(90);

/// Where one database lives.
pub(crate) struct Place {
    pub(crate) cluster: &'static Cluster,
    pub(crate) client: Client,
    pub(crate) namespace: String,
    name: String,
    _kubelet: Kubelet,
}

/// An object as users write it.
pub(crate) fn database(name: &str, spec: Value) -> ServiceDatabase {
    let object = json!({ "apiVersion": "kvartal.dev/v1alpha1", "kind": "ServiceDatabase", "metadata": { "name": name }, "spec": spec });
    serde_json::from_value(object).unwrap()
}

/// Whether what was asked for up to this generation is in place, and why not.
pub(crate) fn is_ready(object: &ServiceDatabase, generation: i64) -> Result<(), String> {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.into_iter().find(|condition| condition.kind == "Ready").ok_or("nothing is said yet")?;
    let new = ready.observed_generation >= Some(generation);
    if ready.status == "True" && new { Ok(()) } else { Err(format!("{}: {}", ready.reason, ready.message)) }
}

/// The PostgreSQL that answers for every database: which is whose is in the names.
async fn postgres() -> &'static PostgresServer {
    static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();
    let start = || async {
        let server = PostgresServer::start().await;
        server.database().await.sql("CREATE ROLE postgres SUPERUSER LOGIN").await;
        server
    };
    SERVER.get_or_init(start).await
}

impl Place {
    pub(crate) async fn new(name: &str, fate: Fate) -> Self {
        let cluster = Cluster::get().await;
        let client = cluster.client().await;
        let namespace = cluster.namespace().await;
        postgres().await;
        let kubelet = Kubelet::new(&client, &namespace, fate);
        Self { cluster, client, namespace, name: name.to_owned(), _kubelet: kubelet }
    }

    /// The name of its release, and of most of its objects.
    pub(crate) fn release(&self) -> String {
        format!("{}-database", self.name)
    }

    /// Revisions that are locked, and those in place beyond the first.
    pub(crate) async fn pending(&self) -> String {
        let labels = format!("owner=helm,name={}", self.release());
        let revisions = self.api::<Secret>().list(&ListParams::default().labels(&labels)).await.unwrap();
        let status =
            revisions.items.iter().filter_map(|secret| secret.metadata.labels.as_ref()?.get("status").cloned());
        let mut deployed = 0;
        let mut wrong = Vec::new();
        for status in status {
            deployed += usize::from(status == "deployed");
            if status.starts_with("pending") || status == "uninstalling" || (status == "deployed" && deployed > 1) {
                wrong.push(status);
            }
        }
        wrong.join(", ")
    }

    /// Asks for its end, and does not wait for it.
    pub(crate) async fn ask_to_go(&self) {
        self.api::<ServiceDatabase>().delete(&self.name, &Default::default()).await.unwrap();
    }

    /// Of an operator for it.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(self.cluster, &self.namespace)
    }

    /// Where every database answers.
    pub(crate) async fn address() -> String {
        let url = postgres().await.url();
        url.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned()
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn objects(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    pub(crate) async fn create(&self, spec: Value) {
        self.api::<ServiceDatabase>().create(&Default::default(), &database(&self.name, spec)).await.unwrap();
    }

    pub(crate) async fn change(&self, patch: Value) {
        let api = self.api::<ServiceDatabase>();
        api.patch(&self.name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }

    pub(crate) async fn delete(&self) {
        self.ask_to_go().await;
        let api = self.api::<ServiceDatabase>();
        eventually(SOON, || async { api.get_opt(&self.name).await.unwrap().is_none() }).await;
    }

    pub(crate) async fn object(&self) -> Option<ServiceDatabase> {
        self.api().get_opt(&self.name).await.unwrap()
    }

    pub(crate) async fn condition(&self, kind: &str) -> Option<Condition> {
        self.object().await?.status?.conditions.into_iter().find(|condition| condition.kind == kind)
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        eventually(SOON, || async { self.is_ready(0).await }).await;
    }

    /// Waits until what was last asked for is in place.
    pub(crate) async fn settled(&self) {
        let generation = self.object().await.unwrap().metadata.generation.unwrap();
        eventually(SOON, || async { self.is_ready(generation).await }).await;
    }

    async fn is_ready(&self, generation: i64) -> Result<(), String> {
        is_ready(&self.object().await.ok_or("there is no object")?, generation)
    }

    /// Waits until it is not ready for this reason.
    pub(crate) async fn reason(&self, reason: &str, within: Duration) -> Condition {
        let found = || async {
            let ready = self.condition("Ready").await.ok_or("nothing is said yet".to_owned())?;
            if ready.reason == reason { Ok(ready) } else { Err(format!("{}: {}", ready.reason, ready.message)) }
        };
        eventually(within, found).await
    }

    pub(crate) async fn volume(&self) -> Option<PersistentVolumeClaim> {
        self.api().get_opt(&format!("data-{}-database-0", self.name)).await.unwrap()
    }

    pub(crate) async fn server(&self) -> Option<Secret> {
        self.api().get_opt(&format!("{}-database-server", self.name)).await.unwrap()
    }

    pub(crate) async fn service(&self) -> Option<Secret> {
        self.api().get_opt(&format!("{}-database", self.name)).await.unwrap()
    }

    /// What Helm keeps of the latest release, in clear.
    pub(crate) async fn values(&self) -> String {
        self.helm(&["get", "all", &format!("{}-database", self.name)])
    }

    /// Helm as people use it.
    pub(crate) fn helm(&self, arguments: &[&str]) -> String {
        let kubeconfig = self.cluster.folder().join(format!("kubeconfig-{}", self.namespace));
        write_kubeconfig(&kubeconfig, self.cluster.url());
        let mut helm = Command::new(tool("helm-4.3.1"));
        helm.args(arguments).args(["--namespace", &self.namespace]).env("KUBECONFIG", &kubeconfig);
        let output = helm.env("HOME", self.cluster.folder()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a statement says.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        postgres().await.database().await.sql(statement).await.trim().to_owned()
    }

    /// Waits until nothing is left but the volume and its passwords.
    pub(crate) async fn empty(&self) {
        eventually(SOON, || async {
            let left = self.left().await;
            if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
        })
        .await;
    }

    /// What is left of a database that is gone, the volume and its passwords apart.
    pub(crate) async fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (version, kind) in [
            ("v1", "ConfigMap"),
            ("v1", "Service"),
            ("v1", "ServiceAccount"),
            ("v1", "Secret"),
            ("apps/v1", "StatefulSet"),
            ("batch/v1", "Job"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("policy/v1", "PodDisruptionBudget"),
        ] {
            let found = self.objects(version, kind).list(&ListParams::default()).await.unwrap();
            let names = found.items.into_iter().filter_map(|object| object.metadata.name);
            let ours = names.filter(|name| name.contains(&format!("{}-", self.name)) && !name.ends_with("-server"));
            left.extend(ours.map(|name| format!("{kind}/{name}")));
        }
        let pods = self.api::<Pod>().list(&ListParams::default()).await.unwrap();
        left.extend(pods.items.into_iter().filter_map(|pod| pod.metadata.name).map(|name| format!("Pod/{name}")));
        left
    }
}
