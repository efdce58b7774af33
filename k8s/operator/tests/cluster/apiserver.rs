//! etcd, the API server and the controllers, once for all tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, CustomResourceExt as _};
use kvartal_operator::api::ServiceDatabase;
use kvartal_testing::{Folder, Process, eventually, free_port, tool};
use serde_json::json;
use tokio::sync::OnceCell;

const KUBERNETES: &str = "1.34.4";
const START: Duration = Duration::from_secs(90);

/// A control plane without nodes.
pub(crate) struct Cluster {
    folder: Folder,
    url: String,
    count: AtomicU32,
    _processes: Vec<Process>,
}

impl Cluster {
    /// The one of this run.
    pub(crate) async fn get() -> &'static Self {
        static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
        CLUSTER.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let folder = Folder::in_memory("kvartal-cluster-");
        let at = |name: &str| folder.path().join(name).display().to_string();
        for arguments in
            [vec!["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"], vec!["pkey", "-in"]]
        {
            let mut openssl = Command::new("openssl");
            openssl.args(&arguments).arg(at("tokens.key"));
            if arguments[0] == "pkey" {
                openssl.args(["-pubout", "-out", &at("tokens.pub")]);
            }
            let output = openssl.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        std::fs::write(at("tokens"), "admin,admin,admin,system:masters\n").unwrap();
        let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
        let mut etcd = Command::new("/usr/bin/etcd");
        let etcd_url = format!("http://127.0.0.1:{etcd_port}");
        etcd.arg("--data-dir").arg(at("etcd")).args([
            "--listen-client-urls",
            &etcd_url,
            "--advertise-client-urls",
            &etcd_url,
        ]);
        etcd.arg("--listen-peer-urls").arg(format!("http://127.0.0.1:{peer_port}")).args(["--log-level", "warn"]);
        let etcd = Process::spawn(etcd);
        let url = format!("https://127.0.0.1:{port}");
        let mut server = Command::new(tool(&format!("kube-apiserver-{KUBERNETES}")));
        server.arg(format!("--etcd-servers={etcd_url}")).arg(format!("--secure-port={port}"));
        server.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC"]);
        server.arg(format!("--cert-dir={}", at("certificates"))).arg(format!("--token-auth-file={}", at("tokens")));
        server.arg("--service-account-issuer=https://kubernetes.default.svc");
        server.arg(format!("--service-account-key-file={}", at("tokens.pub")));
        server.arg(format!("--service-account-signing-key-file={}", at("tokens.key")));
        server.args(["--service-cluster-ip-range=10.0.0.0/16", "--profiling=false", "--endpoint-reconciler-type=none"]);
        let server = Process::spawn(server);
        let kubeconfig = folder.path().join("kubeconfig");
        write_kubeconfig(&kubeconfig, &url);
        let client = client(&kubeconfig).await;
        eventually(START, || async { client.apiserver_version().await }).await;
        let mut controllers = Command::new(tool(&format!("kube-controller-manager-{KUBERNETES}")));
        controllers.arg(format!("--kubeconfig={}", kubeconfig.display()));
        controllers.arg(format!("--service-account-private-key-file={}", at("tokens.key")));
        controllers.args(["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"]);
        controllers.arg("--controllers=statefulset-controller,job-controller,garbage-collector-controller,persistentvolumeclaim-protection-controller,serviceaccount-controller,namespace-controller,ttl-after-finished-controller,disruption-controller");
        let controllers = Process::spawn(controllers);
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        let definition = ServiceDatabase::crd();
        eventually(START, || async { definitions.create(&PostParams::default(), &definition).await.is_ok() }).await;
        let objects: Api<ServiceDatabase> = Api::all(client.clone());
        eventually(START, || async { objects.list(&kube::api::ListParams::default()).await }).await;
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "test",
            "metadata": { "name": "test", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
            "allowVolumeExpansion": true,
        });
        let classes: Api<k8s_openapi::api::storage::v1::StorageClass> = Api::all(client.clone());
        classes.create(&PostParams::default(), &serde_json::from_value(class).unwrap()).await.unwrap();
        Self { folder, url, count: AtomicU32::new(0), _processes: vec![etcd, server, controllers] }
    }

    /// As an administrator.
    pub(crate) async fn client(&self) -> Client {
        client(&self.folder.path().join("kubeconfig")).await
    }

    /// A new namespace in which pods must be restricted, and its name.
    pub(crate) async fn namespace(&self) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = format!("op-{number}");
        let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
        let namespace = json!({ "metadata": { "name": name, "labels": labels } });
        let namespaces: Api<Namespace> = Api::all(self.client().await);
        namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        name
    }

    /// Where the API server is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A folder for files of tests.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The chart that the operator installs.
pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/service-database").canonicalize().unwrap()
}

/// Writes the way to an API server.
pub(crate) fn write_kubeconfig(path: &Path, url: &str) {
    let content = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": { "server": url, "insecure-skip-tls-verify": url.starts_with("https") } }],
        "users": [{ "name": "test", "user": { "token": "admin" } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test", "namespace": "default" } }],
    });
    std::fs::write(path, content.to_string()).unwrap();
}

async fn client(kubeconfig: &Path) -> Client {
    let config = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// Its own number, by which two objects of the same name differ.
pub(crate) fn uid(object: &impl kube::Resource) -> String {
    object.meta().uid.clone().unwrap()
}
