//! What the charts carry of the program: the contract, the alerts, and dashboards on series that there are.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use kvartal_testing::eventually;
use serde_json::Value;

use crate::platform::{Platform, kvartal};

/// Series appear when something has been counted.
const SOON: Duration = Duration::from_secs(30);

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_charts_hold_what_the_contract_says_now() {
    let generated = [("domain-service/contract.yaml", "helm"), ("platform/rules.yaml", "prometheus-rules")];
    for (path, format) in generated {
        let output = kvartal(&["contract", "--format", format]).output().unwrap();
        assert!(output.status.success());
        let now = String::from_utf8(output.stdout).unwrap();
        assert!(read(path) == now, "charts/{path} is not current; run: cargo xtask generate");
    }
}

/// The queries of a dashboard.
fn queries(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap()).collect()
}

/// The names of series in a query: neither labels, nor functions.
fn series(query: &str) -> BTreeSet<String> {
    let mut outside = String::new();
    let mut depth = 0;
    for character in query.chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        if depth == 0 {
            outside.push(character);
        }
    }
    for labels in ["by (", "on ("] {
        while let Some((before, after)) = outside.split_once(labels) {
            outside = format!("{before} {}", after.split_once(')').unwrap().1);
        }
    }
    let words = outside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.contains('_') && *word != "histogram_quantile").map(str::to_owned).collect()
}

#[test]
fn series_are_told_from_labels_and_functions() {
    let query =
        "histogram_quantile(0.99, sum by (rpc_service, le) (rate(a_bucket{b_c=~\"$d_e\"}[5m]))) / on (f_g) k:h_i > 0";
    assert_eq!(series(query), BTreeSet::from(["a_bucket".to_owned(), "k:h_i".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_show_what_a_running_platform_tells() {
    let platform = Platform::up(&["--demo"]).await;
    let rules = read("platform/rules.yaml");
    let mut shown = BTreeSet::new();
    for name in ["objectives", "services"] {
        let dashboard: Value = serde_json::from_str(&read(&format!("platform/dashboards/{name}.json"))).unwrap();
        shown.extend(queries(&dashboard).into_iter().flat_map(series));
    }
    assert!(shown.len() > 15, "{shown:?}");
    let all_told = || async {
        let (_, metrics) = platform.get("/metrics").await;
        let told = |name: &String| {
            rules.contains(&format!("record: {name}\n"))
                || metrics
                    .lines()
                    .any(|line| line.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(['{', ' '])))
        };
        let missing: Vec<&String> = shown.iter().filter(|name| !told(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("nobody tells {missing:?}")) }
    };
    eventually(SOON, all_told).await;
    platform.stop().await;
}
