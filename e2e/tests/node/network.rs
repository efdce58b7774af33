//! Who reaches whom.

use kvartal_testing::eventually;
use serde_json::{Value, json};

use crate::city::{City, NAMESPACE, PATIENCE};

/// What PostgreSQL's own program says of the database of incidents, asked from a pod with these labels.
async fn asked_from(city: &City, name: &str, labels: &Value, tries: u32) -> String {
    let server = format!("{}-database", city.database("incident"));
    let address = ["get", "service", &server, "-o", "jsonpath={.spec.clusterIP}"];
    let address = city.kubectl(&address).unwrap();
    let security = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    });
    let asks = json!({
        "name": "asks", "image": "kvartal-postgres:15", "securityContext": security,
        // A pod that has just begun is let through a moment later.
        "command": ["sh", "-c", format!("for i in $(seq {tries}); do pg_isready -t 1 -h {address} && exit; sleep 0.5; done")],
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"restartPolicy": "Never", "automountServiceAccountToken": false, "containers": [asks]},
    });
    city.access.apply(&[pod]).unwrap();
    let phase = || city.kubectl(&["get", "pod", name, "-o", "jsonpath={.status.phase}"]).unwrap();
    eventually(PATIENCE, || async { ["Succeeded", "Failed"].contains(&phase().as_str()) }).await;
    let said = city.kubectl(&["logs", name, "--tail=1"]).unwrap();
    city.kubectl(&["delete", "pod", name, "--wait=true"]).unwrap();
    said
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
