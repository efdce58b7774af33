//! One report, one trace: from the browser through every process, queue and table to the mail, as a real Jaeger has it.

use std::time::Duration;

use kvartal_e2e::journey::{Browser, Entry, expect, file_and_follow, one, report};
use kvartal_e2e::{Adapter, Cluster, Front, Layout, Options, Platform, Trace, User};
use kvartal_proto::incident::v1::GetReportRequest;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_testing::{Jaeger, SmtpMode, eventually};
use tonic::Request;

/// Spans are sent every two seconds.
const SOON: Duration = Duration::from_secs(30);

fn traced(jaeger: &Jaeger, ratio: &str) -> Vec<String> {
    ["--otlp-endpoint", &jaeger.endpoint(), "--trace-ratio", ratio].map(str::to_owned).to_vec()
}

async fn follow(front: &Front, citizen: &User, jaeger: &Jaeger, entry: Entry) {
    file_and_follow(front, citizen, entry, |id| async move { Trace::read(jaeger, &id).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_browser_to_the_mail() {
    let jaeger = Jaeger::start().await;
    let options = Options { apart: true, args: traced(&jaeger, "1"), ..Options::default() };
    let platform = Platform::start(Adapter::Servers, options).await;
    let admin = platform.admin().await;
    let citizen = platform.user(&admin, &[]).await;
    follow(&platform, &citizen, &jaeger, Entry::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_browser_through_envoy_to_the_mail() {
    let jaeger = Jaeger::start().await;
    let collector = jaeger.endpoint().trim_start_matches("http://").to_owned();
    let cluster = Cluster::start(Layout { replicas: 1, public_tls: false, collector: Some(collector) }).await;
    let admin = cluster.admin().await;
    let citizen = cluster.user(&admin, &[]).await;
    follow(&cluster, &citizen, &jaeger, Entry::Envoy).await;
    // What people write into addresses stays out of traces.
    let refused = cluster.get("/v1/incidents/privatissime?page_token=privatissime").await;
    assert_eq!(refused.0, 400, "{}", refused.1);
    let seen = eventually(SOON, || async {
        // {"http.status_code": "400"}
        let query = "service=gateway&limit=1000&tags=%7B%22http.status_code%22%3A%22400%22%7D";
        jaeger.traces(query).await.filter(|traces| traces.contains("http.status_code"))
    })
    .await;
    assert!(!seen.contains("privatissime"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_kept_even_when_nothing_is_sampled() {
    let jaeger = Jaeger::start().await;
    let options = Options { args: traced(&jaeger, "0"), ..Options::default() };
    let platform = Platform::start(Adapter::Embedded, options).await;
    let admin = platform.admin().await;
    let citizen = platform.user(&admin, &[]).await;
    let mut reports = ReportServiceClient::new(platform.channel());
    let (fine, failing) = (Browser::open(), Browser::open());
    // However much a browser asks for it, what goes well is not sent.
    let shown = GetReportRequest { report: "no such report".into() };
    reports.get_report(fine.sends(Request::new(shown), true)).await.unwrap_err();
    platform.smtp.set_mode(SmtpMode::FailTransiently).await;
    reports.create_report(failing.sends(citizen.request(report()), true)).await.unwrap();
    let failed = |trace: &Trace| -> Result<(), String> {
        let mail = one(trace, "kvartal", "client", "send mail")?;
        let job = one(trace, "kvartal", "consumer", "job mail")?;
        expect(trace, trace.descends(mail, job), "the failure is sent without what led to it")?;
        expect(trace, job.tag("kvartal.kept") == Some("error"), "it does not say why it is kept")?;
        expect(trace, job.tag("error") == Some("true"), "the job did not fail")
    };
    eventually(SOON, || async { failed(&Trace::read(&jaeger, &failing.trace).await) }).await;
    // Unless this computer was too slow for it.
    let fine = Trace::read(&jaeger, &fine.trace).await;
    assert!(fine.0.is_empty() || fine.find(|span| span.tag("kvartal.kept") == Some("slow")).is_some());
}
