//! What happens to a city in the life of a cluster: new versions, pods and machines that end.

use std::path::Path;
use std::time::Duration;

use kvartal_cluster::Access;
use kvartal_e2e::story;
use kvartal_proto::audit::v1::ListRecordsRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::GetProfileRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::incident::v1::ListIncidentsRequest;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::notification::v1::ListNotificationsRequest;
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_testing::eventually;
use serde_json::Value;

use crate::city::{City, NAMESPACE, PATIENCE, node};
use crate::load::{during, lost, some};

/// With the deployments of the services.
const DEPLOYMENTS: [&str; 6] = ["incident", "identity", "notification", "audit", "traffic", "operations"];
/// A caller that is told "unavailable" calls again, as the contract says.
pub(crate) const RETRY: Duration = Duration::from_secs(60);

pub(crate) fn charts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../charts"))
}

pub(crate) fn rolled_out(access: &Access, what: &str) -> anyhow::Result<()> {
    access.kubectl(&["-n", NAMESPACE, "rollout", "status", what, "--timeout=240s"]).map(|_| ())
}

/// Another version of the chart, and pods that have to be another too.
fn upgrade(access: &Access, round: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let destination = folder.path().to_str().expect("a path in UTF-8");
    let chart = charts().join("domain-service");
    let chart = chart.to_str().expect("a path in UTF-8");
    access.helm(&["package", chart, "--version", "99.0.0", "--destination", destination], None)?;
    let package = format!("{destination}/domain-service-99.0.0.tgz");
    for service in DEPLOYMENTS {
        let set = format!("podAnnotations.round={round}");
        let own =
            ["upgrade", service, &package, "--namespace", NAMESPACE, "--reset-then-reuse-values", "--set-string", &set];
        access.helm(&own, None)?;
    }
    DEPLOYMENTS.iter().try_for_each(|service| rolled_out(access, &format!("deployment/{service}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_under_load_fails_no_call() {
    let city = City::find().await;
    let admin = city.front.admin().await;
    let citizen = city.front.user(&admin, &[]).await;
    let access = city.access.clone();
    let round = uuid::Uuid::new_v4().to_string();
    let (upgraded, tally) = during(&city.front, &citizen, RETRY, move || upgrade(&access, &round)).await;
    upgraded.unwrap();
    tally.tell();
    assert!(tally.failures.is_empty(), "{} failed: {:#?}", tally.failures.len(), tally.failures);
    assert!(tally.filed.len() > 20, "hardly any load: {tally:?}");
    let lost = lost(&city.front, &citizen, &tally).await;
    assert!(lost.is_empty(), "{lost:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_loses_no_report() {
    let city = City::find().await;
    let admin = city.front.admin().await;
    let citizen = city.front.user(&admin, &[]).await;
    let (access, database) = (city.access.clone(), city.database("incident"));
    let kill = move || {
        let pod = format!("{database}-database-0");
        access.kubectl(&["-n", NAMESPACE, "delete", "pod", &pod, "--grace-period=0", "--force"])?;
        rolled_out(&access, &format!("statefulset/{database}-database"))
    };
    let (killed, tally) = during(&city.front, &citizen, RETRY, kill).await;
    killed.unwrap();
    tally.tell();
    assert!(tally.failures.is_empty(), "{} failed: {:#?}", tally.failures.len(), tally.failures);
    let lost = lost(&city.front, &citizen, &tally).await;
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Of every container that is to run: the pod, how often it was started again, whether it is ready.
fn containers(city: &City) -> Vec<(String, u64, bool)> {
    let list = city.list("pods");
    let of = |pod: &Value| -> Vec<(String, u64, bool)> {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let statuses = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
        let fact = |status: &Value| (status["restartCount"].as_u64().unwrap(), status["ready"] == true);
        statuses.iter().map(fact).map(|(starts, ready)| (name.to_owned(), starts, ready)).collect()
    };
    let runs = |pod: &&Value| !["Succeeded", "Failed"].map(Value::from).contains(&pod["status"]["phase"]);
    list.iter().filter(runs).flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_switched_off_and_on_again_has_everything() {
    let city = City::find().await;
    let Some(node) = node() else {
        println!("not done: the cluster is not of the tests' own");
        return;
    };
    let admin = city.front.admin().await;
    let citizen = city.front.user(&admin, &[]).await;
    let before = some(&city.front, &citizen).await;
    assert!(before.failures.is_empty(), "{before:?}");
    let begun = containers(&city);
    tokio::task::spawn_blocking(move || node.stop().and_then(|()| node.up())).await.unwrap().unwrap();
    // What the API server knows at first is how things were.
    eventually(PATIENCE, || async {
        let again = containers(&city);
        let waiting: Vec<_> = begun
            .iter()
            .filter(|(name, starts, _)| {
                !again.iter().any(|(other, more, ready)| other == name && more > starts && *ready)
            })
            .collect();
        if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:?}")) }
    })
    .await;
    // Envoy finds a service well a moment after the service does.
    eventually(PATIENCE, || {
        let (channel, citizen, admin) = (city.front.channel(), citizen.clone(), admin.clone());
        async move {
            let records = admin.request(ListRecordsRequest { page_size: 1, ..ListRecordsRequest::default() });
            AuditServiceClient::new(channel.clone()).list_records(records).await?;
            let profile = citizen.request(GetProfileRequest {});
            IdentityServiceClient::new(channel.clone()).get_profile(profile).await?;
            let incidents = citizen.request(ListIncidentsRequest { page_size: 1, ..ListIncidentsRequest::default() });
            IncidentServiceClient::new(channel.clone()).list_incidents(incidents).await?;
            let told = citizen.request(ListNotificationsRequest::default());
            NotificationServiceClient::new(channel).list_notifications(told).await
        }
    })
    .await;
    story::a_report_is_filed_worked_on_and_answered(&city.front).await;
    let lost = lost(&city.front, &citizen, &before).await;
    assert!(lost.is_empty(), "{lost:#?}");
}
