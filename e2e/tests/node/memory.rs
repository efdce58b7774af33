//! What everything needs.

use kvartal_testing::eventually;
use serde_json::Value;

use crate::city::{City, NAMESPACE, PATIENCE};

const MEBIBYTE: u64 = 1024 * 1024;
/// Of a service's pod, all of them together: 150 MiB for the first five.
const SERVICE: u64 = 30 * MEBIBYTE;
/// Of all pods of the platform, databases and gateway included.
const EVERYTHING: u64 = 1536 * MEBIBYTE;

/// Name, component and working set of each pod, as kubelet counts it.
async fn pods(city: &City) -> Vec<(String, String, u64)> {
    let nodes = city.access.kubectl(&["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]).unwrap();
    let mut listed = city.list("pods");
    // Jobs that are through need nothing.
    listed.retain(|pod| pod["status"]["phase"] == "Running");
    eventually(PATIENCE, || async {
        let mut found = Vec::new();
        for node in nodes.split_whitespace() {
            let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
            let summary: Value = serde_json::from_str(&city.access.kubectl(&["get", "--raw", &path]).unwrap()).unwrap();
            for pod in summary["pods"].as_array().unwrap() {
                let name = pod["podRef"]["name"].as_str().unwrap();
                let known = listed.iter().find(|other| other["metadata"]["name"] == name);
                if let Some(known) = known.filter(|_| pod["podRef"]["namespace"] == NAMESPACE) {
                    let component =
                        known["metadata"]["labels"]["app.kubernetes.io/component"].as_str().unwrap_or_default();
                    let bytes = pod["memory"]["workingSetBytes"].as_u64().filter(|bytes| *bytes > 0);
                    found.push((name.to_owned(), component.to_owned(), bytes));
                }
            }
        }
        // A pod that has just begun has not been counted yet.
        let counted = || found.iter().map(|(n, c, b)| b.map(|b| (n.clone(), c.clone(), b))).collect::<Option<Vec<_>>>();
        counted().filter(|pods| pods.len() == listed.len())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_everything_else_are_small() {
    let city = City::find().await;
    let pods = pods(&city).await;
    for (name, component, bytes) in &pods {
        println!("{:>6} MiB  {name} ({component})", bytes / MEBIBYTE);
    }
    let sum = |wanted: &dyn Fn(&str) -> bool| -> u64 {
        pods.iter().filter(|(_, component, _)| wanted(component)).map(|(_, _, bytes)| bytes).sum()
    };
    let (services, everything) = (sum(&|component| component == "service"), sum(&|_| true));
    println!("services {} MiB, everything {} MiB", services / MEBIBYTE, everything / MEBIBYTE);
    let count = pods.iter().filter(|(_, component, _)| component == "service").count();
    assert!(count >= 6, "{count} pods are labelled as services");
    assert!(services <= SERVICE * count as u64, "{count} services take {} MiB", services / MEBIBYTE);
    assert!(everything <= EVERYTHING, "everything takes {} MiB", everything / MEBIBYTE);
}
