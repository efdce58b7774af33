//! `kvartal up --demo`.

use std::collections::BTreeMap;
use std::time::Duration;

use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{
    Incident, IncidentStatus, ListAreasRequest, ListIncidentsRequest, ListReportsRequest, Report, ReportStatus,
};
use kvartal_testing::eventually;
use serde_json::Value;
use tonic::transport::Channel;

use crate::platform::{Platform, by};

/// Filling takes seconds on a quiet machine.
const FILLED: Duration = Duration::from_secs(180);

async fn all_reports(channel: &Channel) -> Vec<Report> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListReportsRequest { page_size: 200, page_token, filter: None };
        let answer = ReportServiceClient::new(channel.clone()).list_reports(request).await.unwrap().into_inner();
        found.extend(answer.reports);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn incidents(channel: &Channel) -> Vec<Incident> {
    let request = ListIncidentsRequest { page_size: 200, ..ListIncidentsRequest::default() };
    IncidentServiceClient::new(channel.clone()).list_incidents(request).await.unwrap().into_inner().incidents
}

#[tokio::test(flavor = "multi_thread")]
async fn the_city_is_filled_moves_and_is_not_filled_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let mut platform = Platform::up(&["--demo", "--data-dir", &data]).await;
    // Everything answers before the city is full.
    assert_eq!(platform.get("/").await.0, 200);
    let warning = platform.process.output();
    assert!(warning.contains("everybody knows their password"), "{warning}");
    let dispatcher = platform.sign_in("dispatcher@demo.kvartal.example", "kvartal-demo-2026").await;
    let line = platform.process.wait_for_line("300 reports, 80 incidents", FILLED).await;
    assert!(line.contains("Severograd"), "{line}");

    let channel = platform.channel().await;
    let areas = ReportServiceClient::new(channel.clone()).list_areas(ListAreasRequest {}).await.unwrap().into_inner();
    assert_eq!(areas.areas.len(), 7);
    let reports = all_reports(&channel).await;
    for status in 1..=8 {
        let status = ReportStatus::try_from(status).unwrap();
        assert!(reports.iter().any(|report| report.status() == status), "no report is {status:?}");
    }
    let logged = incidents(&channel).await;
    for status in 1..=7 {
        let status = IncidentStatus::try_from(status).unwrap();
        assert!(logged.iter().any(|incident| incident.status() == status), "no incident is {status:?}");
    }
    assert!(reports.iter().any(|report| !report.photo_ids.is_empty()));
    assert!(reports.iter().filter(|report| report.area_id.is_empty()).count() < 10);

    // It moves: some report or incident changes, and the page's numbers tell of the same city.
    let before = versions(&channel).await;
    eventually(Duration::from_secs(60), || async { versions(&channel).await != before }).await;
    let numbers: Value = serde_json::from_str(&platform.get("/start.json").await.1).unwrap();
    assert!(numbers["reports"]["open"].as_u64().unwrap() > 100, "{}", numbers["reports"]);
    assert!(numbers["events_handled"].as_u64().unwrap() > 0);
    let filter = by(&dispatcher, ListIncidentsRequest::default());
    IncidentServiceClient::new(channel.clone()).list_incidents(filter).await.unwrap();
    let count = all_reports(&channel).await.len();
    platform.stop().await;

    let mut platform = Platform::up(&["--demo", "--data-dir", &data]).await;
    platform.process.wait_for_line("300 reports, 80 incidents", FILLED).await;
    let again = all_reports(&platform.channel().await).await.len();
    assert!((count..count + 60).contains(&again), "{count} reports became {again}");
    platform.stop().await;
}

/// What the city looks like, in a form that changes with every change.
async fn versions(channel: &Channel) -> BTreeMap<String, String> {
    let reports = all_reports(channel).await.into_iter().map(|report| (report.report_id, report.etag));
    reports.chain(incidents(channel).await.into_iter().map(|incident| (incident.incident_id, incident.etag))).collect()
}
