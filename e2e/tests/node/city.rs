//! The installation that the tests talk to.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use kvartal_cluster::{Access, Layout, Node};
use kvartal_e2e::Front;
use kvartal_proto::identity::v1::RefreshSessionRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_testing::{eventually, smtp_at};
use serde_json::Value;
use tonic::Code;

pub(crate) const NAMESPACE: &str = "kvartal";
/// How long pods may take to come back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A cluster with the platform on it.
pub(crate) struct City {
    /// kubectl and Helm.
    pub(crate) access: Access,
    /// The gateway.
    pub(crate) front: Front,
}

pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run cargo xtask e2e"))
}

/// Runs `kubectl kvartal` in the platform's namespace.
pub(crate) fn plugin(access: &Access, arguments: &[&str]) -> anyhow::Result<String> {
    // As people have it: both programs in folders of PATH.
    let folder = tempfile::tempdir()?;
    symlink(&access.kubectl, folder.path().join("kubectl"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [folder.path().to_owned(), setting("KVARTAL_E2E_PROGRAMS").into()];
    let mut command = Command::new(folder.path().join("kubectl"));
    command.env("PATH", std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)))?);
    if let Some(kubeconfig) = &access.kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    command.args(["kvartal", "--namespace", NAMESPACE]);
    command.args(access.context.iter().flat_map(|context| ["--context", context]));
    let output = command.args(arguments).output()?;
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    anyhow::ensure!(output.status.success(), "{}", error.trim());
    Ok(said.into_owned())
}

/// The node, when the tests have one of their own.
pub(crate) fn node() -> Option<Node> {
    let folder = std::env::var("KVARTAL_E2E_NODE").ok()?;
    Some(Node::new(Layout::new(folder.as_ref(), setting("KVARTAL_E2E_TOOLS").as_ref()).expect("paths")))
}

impl City {
    /// The one that `cargo xtask e2e` has installed.
    pub(crate) async fn find() -> Self {
        let access = Access {
            kubeconfig: std::env::var_os("KUBECONFIG").map(Into::into),
            context: std::env::var("KVARTAL_E2E_CONTEXT").ok(),
            kubectl: setting("KVARTAL_E2E_KUBECTL").into(),
            helm: setting("KVARTAL_E2E_HELM").into(),
        };
        let mail: SocketAddr = setting("KVARTAL_E2E_MAIL").parse().expect("an address");
        let address =
            access.kubectl(&["-n", NAMESPACE, "get", "service", "gateway", "-o", "jsonpath={.spec.clusterIP}"]);
        let front = Front::at(format!("http://{}:8080", address.expect("the gateway")), smtp_at(mail).await);
        let city = Self { access, front };
        city.answers().await;
        city
    }

    /// Waits until the gateway answers.
    pub(crate) async fn answers(&self) {
        eventually(PATIENCE, || async {
            let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
            let request = http::Request::get(format!("{}/healthz", self.front.url()));
            let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
            client.request(request).await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        // Envoy finds a service well a moment after the service does; until then it says so itself.
        eventually(PATIENCE, || async {
            let nobody = RefreshSessionRequest { refresh_token: "nobody's".to_owned() };
            let refused = IdentityServiceClient::new(self.front.channel()).refresh_session(nobody).await;
            refused.is_err_and(|status| status.code() != Code::Unavailable)
        })
        .await;
    }

    /// Objects of a kind in the platform's namespace.
    pub(crate) fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.access.kubectl(&["-n", NAMESPACE, "get", kind, "-o", "json"]).unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Runs `kubectl kvartal` in the platform's namespace.
    pub(crate) fn plugin(&self, arguments: &[&str]) -> anyhow::Result<String> {
        plugin(&self.access, arguments)
    }

    /// The database that a service uses now.
    pub(crate) fn database(&self, service: &str) -> String {
        let path = "jsonpath={.spec.template.spec.volumes[?(@.name=='database')].secret.secretName}";
        let secret = self.kubectl(&["get", "deployment", service, "-o", path]).unwrap();
        secret.strip_suffix("-database").unwrap_or_else(|| panic!("{service} signs in with {secret}")).to_owned()
    }

    /// Waits until what an object asks for is in place.
    pub(crate) fn settled(&self, database: &str) -> anyhow::Result<()> {
        let generation =
            self.kubectl(&["get", "servicedatabase", database, "-o", "jsonpath={.metadata.generation}"])?;
        let seen = format!("--for=jsonpath={{.status.conditions[?(@.type=='Ready')].observedGeneration}}={generation}");
        for condition in [&seen, "--for=condition=Ready"] {
            self.kubectl(&["wait", "servicedatabase", database, condition, "--timeout=180s"])?;
        }
        Ok(())
    }

    /// Runs kubectl in the platform's namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.access.kubectl(&[&["-n", NAMESPACE], arguments].concat())
    }
}
