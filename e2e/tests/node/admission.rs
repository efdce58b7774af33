//! What the cluster lets in.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::city::{City, NAMESPACE};
use crate::failure::charts;

fn pod(name: &str, security: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "main", "image": "kvartal-redis:7.0", "securityContext": security}]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_could_become_root_is_refused() {
    let city = City::find().await;
    let refused = city.access.apply(&[pod("root", &json!({"privileged": true}))]).unwrap_err().to_string();
    assert!(refused.contains("violates PodSecurity \"restricted:latest\""), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pod_runs_without_root_and_cannot_write_to_its_image() {
    let city = City::find().await;
    let pods = city.list("pods");
    assert!(pods.len() >= 14, "{} pods", pods.len());
    for pod in &pods {
        let (name, spec) = (&pod["metadata"]["name"], &pod["spec"]);
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{name}");
        let containers = ["containers", "initContainers"].iter().filter_map(|key| spec[key].as_array()).flatten();
        for container in containers {
            let security = &container["securityContext"];
            assert_eq!(security["readOnlyRootFilesystem"], true, "{name}: {container}");
            assert_eq!(security["allowPrivilegeEscalation"], false, "{name}: {container}");
            assert_eq!(security["capabilities"]["drop"], json!(["ALL"]), "{name}: {container}");
        }
    }
}

/// Values for a chart: each file is one way to install it.
fn ways(chart: &Path) -> Vec<PathBuf> {
    let folders = ["ci", "services"].map(|folder| chart.join(folder));
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten();
    files.map(|file| file.unwrap().path()).collect()
}

/// Everything that a chart makes of these values, kinds of the Prometheus operator apart: it need not be there.
fn rendered(city: &City, chart: &Path, values: &Path, namespace: &str) -> String {
    let (chart, values) = (chart.to_str().unwrap(), values.to_str().unwrap());
    let command = ["template", "dry", chart, "--namespace", namespace, "--values", values];
    let text = city.access.helm(&command, None).unwrap();
    let documents = text.split("\n---\n").filter(|document| !document.contains("apiVersion: monitoring.coreos.com/"));
    documents.collect::<Vec<_>>().join("\n---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_charts_render_is_taken_in_a_restricted_namespace_without_a_warning() {
    let city = City::find().await;
    // The one that values of the charts name.
    let namespace = "city";
    let labels = ["enforce", "warn"].map(|mode| (format!("pod-security.kubernetes.io/{mode}"), json!("restricted")));
    let labels: serde_json::Map<String, Value> = labels.into_iter().collect();
    let metadata = json!({"name": namespace, "labels": labels});
    city.access.apply(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})]).unwrap();
    let mut tried = 0;
    for chart in charts().read_dir().unwrap().map(|chart| chart.unwrap().path()) {
        for values in ways(&chart) {
            let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
            std::fs::write(file.path(), rendered(&city, &chart, &values, namespace)).unwrap();
            let mut command = city.access.kubectl_command();
            command.args(["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename"]);
            let output = command.arg(file.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{}: {said}", values.display());
            tried += 1;
        }
    }
    println!("{tried} ways to install the charts");
    assert!(tried > 10, "{tried}");
    city.access.kubectl(&["delete", "namespace", namespace, "--wait=false"]).unwrap();
}
