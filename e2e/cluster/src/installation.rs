//! The platform on a cluster: the operator, databases, servers, services and the gateway, by the charts.

mod secrets;
mod values;

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::Access;

/// How long Helm and kubectl wait for pods.
const PATIENCE: &str = "--timeout=240s";
/// The operator, its release and its namespace: out of reach of those who work on the platform.
const OPERATOR: &str = "kvartal-operator";
/// What makes ServiceDatabase known to a cluster.
const DEFINITION: &str = "customresourcedefinition/servicedatabases.kvartal.dev";

/// What is installed, and where.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The cluster.
    pub access: Access,
    /// The namespace; it is made, with restricted Pod Security.
    pub namespace: String,
    /// The program `kvartal` of the version that is installed: it knows the contract.
    pub program: PathBuf,
    /// The folder of the charts.
    pub charts: PathBuf,
    /// Where mail goes, such as `10.243.0.2:2525`.
    pub mail: String,
    /// Where an S3-compatible store for backups may be, such as `10.243.0.2:9000`.
    pub store: String,
}

/// A service, as the contract has it.
struct Service {
    name: String,
    engine: String,
}

impl Installation {
    /// Installs everything, or brings it up to date, and waits until it answers.
    ///
    /// # Errors
    /// With the words of Helm or kubectl.
    pub fn install(&self, tell: impl Fn(&str) + Sync) -> anyhow::Result<()> {
        let services = self.services()?;
        tell("operator");
        self.access.apply(&[namespace(&self.namespace), namespace(OPERATOR)])?;
        secrets::create(self)?;
        self.helm(OPERATOR, OPERATOR, OPERATOR, &values::operator(self), &[])?;
        self.access.kubectl(&["wait", "--for=condition=Established", DEFINITION, PATIENCE])?;
        tell("databases, Redis, RabbitMQ, gateway");
        let databases = services.iter().filter(|service| service.engine != "none");
        self.access.apply(&databases.map(|service| values::database(self, service)).collect::<Vec<_>>())?;
        self.helm(&self.namespace, "platform", "platform", &values::platform(), &[])?;
        at_once(&["statefulset/rabbitmq", "deployment/redis"], |what| self.rolled_out(what))?;
        let ready = ["wait", "--for=condition=Ready", "servicedatabases", "--all", PATIENCE];
        self.access.kubectl(&[&["--namespace", &self.namespace], &ready[..]].concat())?;
        tell("services");
        at_once(&services, |service| {
            let own = self.values_of(&service.name);
            let own = own.to_str().context("a path in UTF-8")?;
            self.helm(
                &self.namespace,
                &service.name,
                "domain-service",
                &values::service(self, service),
                &["--wait", PATIENCE, "--values", own],
            )
        })?;
        at_once(&["edge", "guard", "gateway"], |name| self.rolled_out(&format!("deployment/{name}")))?;
        tell("installed");
        Ok(())
    }

    /// Waits until every pod of the newest version is there.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn rolled_out(&self, what: &str) -> anyhow::Result<()> {
        self.access.kubectl(&["--namespace", &self.namespace, "rollout", "status", what, PATIENCE]).map(|_| ())
    }

    fn helm(&self, namespace: &str, release: &str, chart: &str, values: &Value, more: &[&str]) -> anyhow::Result<()> {
        let chart = self.charts.join(chart);
        let chart = chart.to_str().context("a path in UTF-8")?;
        let own =
            ["upgrade", "--install", release, chart, "--namespace", namespace, "--reset-values", "--force-conflicts"];
        self.access.helm(&[&own, more].concat(), Some(values)).map(|_| ()).with_context(|| format!("release {release}"))
    }

    /// The values that a service has in every installation.
    fn values_of(&self, service: &str) -> PathBuf {
        self.charts.join("domain-service/services").join(format!("{service}.yaml"))
    }

    /// Those of the contract.
    fn services(&self) -> anyhow::Result<Vec<Service>> {
        let text = run(&self.program, &["contract", "--format", "json"])?;
        let contract: Value = serde_json::from_str(&text).context("kvartal contract printed no JSON")?;
        let mut services: Vec<Service> = Vec::new();
        for service in contract["services"].as_array().context("a contract has services")? {
            let text = |key: &str| service[key].as_str().unwrap_or_default().to_owned();
            // What every process offers is no service of its own.
            let installed = self.values_of(&text("domain")).exists();
            if installed && !services.iter().any(|known| known.name == text("domain")) {
                services.push(Service { name: text("domain"), engine: text("database") });
            }
        }
        Ok(services)
    }
}

/// One with restricted Pod Security.
fn namespace(name: &str) -> Value {
    let labels = json!({
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
    });
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// Does it for all of them at the same time; the first error.
fn at_once<T: Sync>(all: &[T], work: impl Fn(&T) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let workers: Vec<_> = all.iter().map(|item| scope.spawn(|| work(item))).collect();
        let outcomes =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker panicked")));
        outcomes.collect::<Vec<_>>().into_iter().collect()
    })
}

fn run(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = std::process::Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{} {}: {}", program.display(), arguments.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
