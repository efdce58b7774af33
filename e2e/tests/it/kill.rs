//! Kill the process at random moments under write load: what was acknowledged is there, and every event counts once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kvartal_e2e::{Adapter, Options, Platform, User};
use kvartal_proto::audit::v1::VerifyChainRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{CreateReportRequest, GetReportRequest, LatLng};
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_proto::notification::v1::{Kind, ListNotificationsRequest};
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Mutex;
use uuid::Uuid;

const KILLS: usize = 200;
const WRITERS: u64 = 4;

/// What the writers were promised: the reports that were acknowledged, by request.
pub(crate) type Acknowledged = Arc<Mutex<HashMap<Uuid, String>>>;

/// What the platform turned out to hold.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    pub(crate) acknowledged: usize,
    lost: Vec<String>,
    untold: Vec<String>,
    told_twice: Vec<String>,
    chain: String,
}

/// Files reports until told to stop, at this pace; errors are what a killed server gives.
pub(crate) async fn write(citizen: User, acknowledged: Acknowledged, stop: Arc<AtomicBool>, pace: Duration) {
    let mut reports = ReportServiceClient::new(citizen.channel());
    while !stop.load(Ordering::Relaxed) {
        let request_id = Uuid::new_v4();
        let request = CreateReportRequest {
            request_id: request_id.to_string(),
            category_id: "pothole".into(),
            description: format!("яма {request_id}"),
            location: Some(LatLng { latitude: 55.75, longitude: 37.61 }),
            ..CreateReportRequest::default()
        };
        match tokio::time::timeout(Duration::from_secs(5), reports.create_report(citizen.request(request))).await {
            Ok(Ok(answer)) => {
                let report = answer.into_inner().report.unwrap();
                acknowledged.lock().await.insert(request_id, report.report_id);
            }
            Ok(Err(_)) | Err(_) => tokio::task::yield_now().await,
        }
        if !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
    }
}

async fn kill_under_load(adapter: Adapter, kills: usize, env: Vec<(String, String)>) -> Findings {
    let options = Options { env, ..Options::default() };
    let mut platform = Platform::start(adapter, options).await;
    let admin = platform.admin().await;
    let email = platform.user(&admin, &[]).await.email().to_owned();
    let acknowledged = Acknowledged::default();
    let mut random = rand::rngs::StdRng::seed_from_u64(20_261_120);
    for kill in 0..kills {
        let citizen = platform.sign_in(&email).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| tokio::spawn(write(citizen.clone(), acknowledged.clone(), stop.clone(), Duration::ZERO)))
            .collect();
        // Not a synchronisation: the moment of the kill is meant to be random.
        tokio::time::sleep(Duration::from_millis(random.random_range(5..250))).await;
        platform.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        platform.spawn().await;
        if (kill + 1) % 20 == 0 {
            eprintln!(
                "{adapter:?}: {} of {kills} kills, {} reports acknowledged",
                kill + 1,
                acknowledged.lock().await.len()
            );
        }
    }
    let acknowledged = acknowledged.lock().await.clone();
    check(&platform, &email, acknowledged.into_values().collect()).await
}

pub(crate) async fn check(platform: &Platform, email: &str, acknowledged: Vec<String>) -> Findings {
    let citizen = platform.sign_in(email).await;
    let mut findings = Findings { acknowledged: acknowledged.len(), ..Findings::default() };
    let mut reports = ReportServiceClient::new(platform.channel());
    for report in &acknowledged {
        if reports.get_report(citizen.request(GetReportRequest { report: report.clone() })).await.is_err() {
            findings.lost.push(report.clone());
        }
    }
    // What is on its way arrives: wait until each acknowledged report was told of, or nothing has come for a while.
    let mut told = told_of(platform, &citizen).await;
    let mut quiet = 0;
    while acknowledged.iter().any(|report| !told.contains_key(report)) && quiet < 50 {
        let before = told.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        told = told_of(platform, &citizen).await;
        quiet = if told.len() > before { 0 } else { quiet + 1 };
    }
    findings.untold = acknowledged.iter().filter(|report| !told.contains_key(*report)).cloned().collect();
    findings.told_twice = told.into_iter().filter(|(_, times)| *times > 1).map(|(report, _)| report).collect();
    let verified = AuditServiceClient::new(platform.channel())
        .verify_chain(platform.admin().await.request(VerifyChainRequest::default()))
        .await
        .unwrap()
        .into_inner();
    findings.chain = if verified.intact { "intact".into() } else { verified.problem };
    findings
}

/// How often the citizen was told of the receipt of each report.
async fn told_of(platform: &Platform, citizen: &User) -> HashMap<String, usize> {
    let mut notifications = NotificationServiceClient::new(platform.channel());
    let mut told = HashMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListNotificationsRequest { page_size: 200, page_token, unread_only: false };
        let page = notifications.list_notifications(citizen.request(request)).await.unwrap().into_inner();
        for notification in page.notifications.iter().filter(|n| n.kind == Kind::ReportReceived as i32) {
            *told.entry(notification.subject.clone()).or_default() += 1;
        }
        if page.next_page_token.is_empty() {
            return told;
        }
        page_token = page.next_page_token;
    }
}

/// With at least so many reports acknowledged.
pub(crate) fn assert_nothing_lost(findings: &Findings, at_least: usize) {
    assert!(findings.acknowledged > at_least, "too little load: {findings:?}");
    assert!(findings.lost.is_empty() && findings.untold.is_empty() && findings.told_twice.is_empty(), "{findings:?}");
    assert_eq!(findings.chain, "intact");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_on_sqlite_lose_nothing_and_repeat_nothing() {
    assert_nothing_lost(&kill_under_load(Adapter::Embedded, KILLS, Vec::new()).await, KILLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_on_postgres_and_rabbitmq_lose_nothing_and_repeat_nothing() {
    assert_nothing_lost(&kill_under_load(Adapter::Servers, KILLS, Vec::new()).await, KILLS);
}

/// The same test must fail where the outbox is written outside the transaction: else it proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_written_outside_the_transaction_is_caught() {
    let broken = vec![("KVARTAL_SABOTAGE".to_owned(), "outbox-outside-transaction".to_owned())];
    let findings = kill_under_load(Adapter::Embedded, KILLS / 4, broken).await;
    assert!(!findings.untold.is_empty(), "the broken variant was not caught: {findings:?}");
}
