//! Who reaches whom.

use kvartal_testing::eventually;
use serde_json::{Value, json};

use crate::city::{City, NAMESPACE, PATIENCE};

/// What a command prints, run in a pod with these labels.
async fn run_in_pod(city: &City, namespace: &str, name: &str, labels: &Value, command: &str) -> String {
    let security = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    });
    let asks = json!({
        "name": "asks", "image": "kvartal-postgres:15", "securityContext": security, "command": ["bash", "-c", command],
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"restartPolicy": "Never", "automountServiceAccountToken": false, "containers": [asks]},
    });
    city.access.apply(&[pod]).unwrap();
    let kubectl = |arguments: &[&str]| city.access.kubectl(&[&["-n", namespace], arguments].concat()).unwrap();
    let phase = || kubectl(&["get", "pod", name, "-o", "jsonpath={.status.phase}"]);
    eventually(PATIENCE, || async { ["Succeeded", "Failed"].contains(&phase().as_str()) }).await;
    let said = kubectl(&["logs", name]);
    kubectl(&["delete", "pod", name, "--wait=true"]);
    said
}

/// What PostgreSQL's own program says of the database of incidents, asked from a pod with these labels.
async fn asked_from(city: &City, name: &str, labels: &Value, tries: u32) -> String {
    let server = format!("{}-database", city.database("incident"));
    let address = city.kubectl(&["get", "service", &server, "-o", "jsonpath={.spec.clusterIP}"]).unwrap();
    // A pod that has just begun is let through a moment later.
    let command = format!("for i in $(seq {tries}); do pg_isready -t 1 -h {address} && exit; sleep 0.5; done");
    let said = run_in_pod(city, NAMESPACE, name, labels, &command).await;
    said.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_another_namespace_nothing_is_reached_but_the_gateway() {
    let city = City::find().await;
    let namespace = "strangers";
    city.access.apply(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})]).unwrap();
    let mut doors = Vec::new();
    for pod in city.list("pods").iter().filter(|pod| pod["status"]["phase"] == "Running") {
        let name = pod["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap();
        let address = pod["status"]["podIP"].as_str().unwrap();
        let containers = pod["spec"]["containers"].as_array().unwrap().iter();
        let ports = containers.filter_map(|container| container["ports"].as_array()).flatten();
        doors.extend(ports.map(|port| format!("{name} {address} {}", port["containerPort"])));
    }
    assert!(doors.len() > 20, "{doors:?}");
    // All at once, each as long as it takes to be sure.
    let knock = "{ timeout 5 bash -c \"exec 3<>/dev/tcp/$address/$port\" && echo $name:$port; } 2>/dev/null &";
    let command = format!("while read name address port; do {knock} done <<< '{}'; wait", doors.join("\n"));
    let open = run_in_pod(&city, namespace, "stranger", &json!({}), &command).await;
    assert_eq!(open.trim(), "gateway:8080", "of {doors:?}");
    city.access.kubectl(&["delete", "namespace", namespace, "--wait=false"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pods_of_its_service_reach_a_database() {
    let city = City::find().await;
    // Not of the component `service`, or calls would come to it.
    let own = json!({
        "app.kubernetes.io/name": "incident", "app.kubernetes.io/part-of": "kvartal",
        "app.kubernetes.io/component": "migrations",
    });
    let said = asked_from(&city, "own", &own, 40).await;
    assert!(said.contains("accepting connections"), "{said}");
    for (name, labels) in [("another", json!({"app.kubernetes.io/name": "audit"})), ("stranger", json!({}))] {
        let said = asked_from(&city, name, &labels, 6).await;
        assert!(said.contains("no response"), "{name}: {said}");
    }
}
