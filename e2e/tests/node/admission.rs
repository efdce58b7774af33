//! What the cluster lets in.

use serde_json::{Value, json};

use crate::city::{City, NAMESPACE};

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
