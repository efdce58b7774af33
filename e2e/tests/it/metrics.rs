//! The metrics of a running platform, as a real Prometheus reads them: rules of the contract, and how full everything is.

use std::process::Command;
use std::time::Duration;

use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_proto::incident::v1::GetReportRequest;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_testing::{Prometheus, eventually};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

fn rules(platform: &Platform) -> String {
    let output = Command::new(platform.binary()).args(["contract", "--format", "prometheus-rules"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The values of an expression.
async fn values(prometheus: &Prometheus, expression: &str) -> Vec<f64> {
    let answer = prometheus.query(expression).await.unwrap_or_default();
    let json: Value = serde_json::from_str(&answer).unwrap_or_default();
    let series = json["data"]["result"].as_array().cloned().unwrap_or_default();
    series.iter().filter_map(|series| series["value"][1].as_str()?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_evaluates_the_rules_of_the_contract_on_a_running_platform() {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let target = platform.url().trim_start_matches("http://").to_owned();
    let prometheus = Prometheus::start(&target, &rules(&platform)).await;
    let reports = ReportServiceClient::new(platform.channel());
    let rpc = "{rpc_service=\"kvartal.incident.v1.ReportService\",rpc_method=\"GetReport\"}";
    for (series, expected) in [
        ("kvartal:rpc_errors:ratio_rate5m", 0.0),
        ("kvartal:rpc_slow:ratio_rate5m", 0.0),
        ("kvartal:rpc_errors:ratio_rate3d", 0.0),
        ("kvartal:slo_availability:objective", 0.999),
    ] {
        eventually(SOON, || async {
            // A rate needs calls between two readings.
            let missing = GetReportRequest { report: "no such report".into() };
            reports.clone().get_report(missing).await.unwrap_err();
            let found = values(&prometheus, &format!("{series}{rpc}")).await;
            if found.len() == 1 && (found[0] - expected).abs() < 1e-9 {
                Ok(())
            } else {
                Err(format!("{series}: {found:?}"))
            }
        })
        .await;
    }
    // No rule is in trouble.
    let state: Value = serde_json::from_str(&prometheus.rules().await.unwrap()).unwrap();
    let groups = state["data"]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 4);
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        assert_eq!(rule["lastError"].as_str().unwrap_or_default(), "", "{rule}");
    }
    let firing = values(&prometheus, "ALERTS{alertstate=\"firing\"}").await;
    assert!(firing.is_empty(), "{firing:?}");
}

/// Every queue and every pool, and what it has room for.
const SATURATION: [&str; 16] = [
    "db_client_connection_count",
    "db_client_connection_max",
    "kvartal_events_in_flight",
    "kvartal_events_in_flight_limit",
    "kvartal_events_outbox_age_seconds",
    "kvartal_events_outbox_depth",
    "kvartal_events_queue_depth",
    "kvartal_jobs_age_seconds",
    "kvartal_jobs_due",
    "kvartal_jobs_running",
    "kvartal_jobs_workers",
    "rpc_server_open",
    "rpc_server_open_limit",
    "identity_passwords_waiting",
    "identity_passwords_limit",
    "process_memory_usage_bytes",
];

async fn everything_tells_how_full_it_is(adapter: Adapter, further: &[&str]) {
    let options = Options { args: vec!["--edge-metrics".to_owned()], ..Options::default() };
    let platform =
        Platform::start(adapter, if adapter == Adapter::Servers { options } else { Options::default() }).await;
    // Signing in takes a password worker; the mail and the events that follow take the rest.
    let admin = platform.admin().await;
    let _citizen = platform.user(&admin, &[]).await;
    let target = platform.url().trim_start_matches("http://").to_owned();
    let prometheus = Prometheus::start(&target, "groups: []\n").await;
    for name in SATURATION.iter().chain(further) {
        let missing = || async {
            let found = values(&prometheus, name).await;
            if found.is_empty() { Err(format!("{name} is missing")) } else { Ok(()) }
        };
        eventually(SOON, missing).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_tells_how_full_it_is_inside_one_process() {
    everything_tells_how_full_it_is(Adapter::Embedded, &["kvartal_store_queue_depth", "kvartal_store_queue_limit"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_tells_how_full_it_is_on_real_servers() {
    everything_tells_how_full_it_is(Adapter::Servers, &["kvartal_redis_queue_depth"]).await;
}
