//! One report, one trace: from the browser through every process, queue and table to the mail.

use std::time::Duration;

use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{CreateReportRequest, LatLng};
use kvartal_testing::eventually;
use tonic::Request;
use tonic_web::GrpcWebClientLayer;
use tower::Layer as _;
use uuid::Uuid;

use crate::{Front, Span, Trace, User};

/// Spans are sent every two seconds.
const SOON: Duration = Duration::from_secs(30);

/// What a browser that traces sends along.
pub struct Browser {
    /// The id of its trace.
    pub trace: String,
    span: String,
}

impl Browser {
    /// With a trace that nobody else has.
    pub fn open() -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self { span: id[16..].to_owned(), trace: Uuid::new_v4().simple().to_string() }
    }

    /// Puts its trace on a request, and whether it asks for it to be kept.
    pub fn sends<T>(&self, mut request: Request<T>, sampled: bool) -> Request<T> {
        let flags = u8::from(sampled);
        let traceparent = format!("00-{}-{}-{flags:02}", self.trace, self.span).parse().unwrap();
        request.metadata_mut().insert("traceparent", traceparent);
        request
    }
}

/// A new report.
pub fn report() -> CreateReportRequest {
    CreateReportRequest {
        request_id: Uuid::new_v4().to_string(),
        category_id: "pothole".into(),
        description: "Яма у остановки".into(),
        location: Some(LatLng { latitude: 55.75, longitude: 37.61 }),
        ..CreateReportRequest::default()
    }
}

/// The span of this name, kind and process; an error that shows the trace when it is not there.
pub fn one<'a>(trace: &'a Trace, process: &str, kind: &str, name: &str) -> Result<&'a Span, String> {
    let wanted = |span: &Span| span.process == process && span.name == name && span.tag("span.kind") == Some(kind);
    trace.find(wanted).ok_or_else(|| format!("no {kind} span {name} of {process} in\n{}", trace.picture()))
}

/// An error that shows the trace, unless it is as it should be.
pub fn expect(trace: &Trace, condition: bool, what: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(format!("{what}:\n{}", trace.picture())) }
}

const FILED: &str = "kvartal.incident.v1.ReportService/CreateReport";

/// The first span: of the edge inside a process, or of Envoy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Entry {
    /// The edge in the process of a service.
    InProcess,
    /// Envoy, with the services in other processes.
    Envoy,
}

impl Entry {
    fn find(self, trace: &Trace) -> Result<&Span, String> {
        match self {
            Self::InProcess => {
                let edge = one(trace, "audit", "server", FILED)?;
                expect(trace, edge.tag("kvartal.service") == Some("edge"), "the first span is not the edge's")?;
                Ok(edge)
            }
            Self::Envoy => {
                let edge = one(trace, "gateway", "server", FILED)?;
                // The way from there to the service has a span of its own.
                let onward = |span: &Span| span.process == "gateway" && span.parent.as_ref() == Some(&edge.id);
                let onward = trace.find(|span| onward(span) && span.tag("upstream_cluster") == Some("incident"));
                expect(trace, onward.is_some(), "Envoy does not tell where it passed the call on to")?;
                let server = one(trace, "incident", "server", FILED)?;
                let below = onward.is_some_and(|onward| trace.descends(server, onward));
                expect(trace, below, "the service is not below Envoy's way to it")?;
                Ok(edge)
            }
        }
    }
}

/// Every station of the report's way, each below the one before.
fn complete(trace: &Trace, browser: &Browser, entry: Entry) -> Result<(), String> {
    const CONTACT: &str = "kvartal.identity.v1.IdentityService/GetContact";
    let edge = entry.find(trace)?;
    expect(trace, edge.parent.as_ref() == Some(&browser.span), "the edge did not take up the browser's trace")?;
    let server = one(trace, "incident", "server", FILED)?;
    let published = one(trace, "incident", "producer", "publish kvartal.incident.v1.ReportReceived")?;
    let consumed = trace
        .find(|span| span.process == "notification" && span.parent.as_ref() == Some(&published.id))
        .ok_or_else(|| format!("nobody consumes in\n{}", trace.picture()))?;
    expect(trace, consumed.name == "process notification", "the consumer has another name")?;
    expect(trace, consumed.tag("span.kind") == Some("consumer"), "the consumer is no consumer")?;
    expect(trace, consumed.tag("messaging.system") == Some("rabbitmq"), "it did not come by RabbitMQ")?;
    expect(trace, consumed.links.contains(&published.id), "the consumer is not linked to the producer")?;
    let job = one(trace, "notification", "consumer", "job mail")?;
    let call = one(trace, "notification", "client", CONTACT)?;
    let answer = one(trace, "identity", "server", CONTACT)?;
    let mail = one(trace, "notification", "client", "send mail")?;
    for (lower, upper) in [
        (server, edge),
        (published, server),
        (consumed, published),
        (job, consumed),
        (call, job),
        (answer, call),
        (mail, job),
    ] {
        expect(trace, trace.descends(lower, upper), &format!("{} is not below {}", lower.name, upper.name))?;
    }
    // The statements are where they were made, and hold no values.
    for (upper, table) in [(server, "\"outbox\""), (consumed, "\"job\""), (job, "\"deliveries\""), (answer, "SELECT")] {
        let statement = |span: &Span| span.tag("db.statement").is_some_and(|text| text.contains(table));
        let found = trace.find(|span| statement(span) && trace.descends(span, upper));
        expect(trace, found.is_some(), &format!("no statement on {table} below {}", upper.name))?;
        let tags = found.map(|span| (span.tag("db.system"), span.tag("span.kind")));
        expect(trace, tags == Some((Some("postgresql"), Some("client"))), "a statement is not described as one")?;
    }
    let orphans: Vec<_> = trace.orphans(&browser.span).into_iter().map(|span| &span.name).collect();
    expect(trace, orphans.is_empty(), &format!("not connected: {orphans:?}"))
}

/// Files a report from a browser, in gRPC-Web over HTTP/1.1, and finds all of its way; `read` reads a trace by its id.
///
/// # Panics
/// When something of it is missing, or holds what people wrote.
pub async fn file_and_follow<F>(front: &Front, citizen: &User, entry: Entry, read: impl Fn(String) -> F)
where
    F: Future<Output = Trace>,
{
    let browser = Browser::open();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let origin = front.url().parse().unwrap();
    let mut reports = ReportServiceClient::with_origin(GrpcWebClientLayer::new().layer(client), origin);
    // The browser does not ask to be sampled; that is for the edge to decide.
    let request = browser.sends(citizen.request(report()), false);
    let filed = reports.create_report(request).await.unwrap().into_inner().report.unwrap();
    front.smtp.wait_for(citizen.email(), |mail| mail.text.contains(&filed.tracking_number)).await;
    eventually(SOON, || async { complete(&read(browser.trace.clone()).await, &browser, entry) }).await;

    let trace = read(browser.trace.clone()).await;
    let everything = format!("{trace:?}");
    for secret in [citizen.email(), "Яма у остановки", &filed.tracking_number, &citizen.access_token()[..20]]
    {
        assert!(!everything.contains(secret), "{secret} in\n{everything}");
    }
    eprintln!("{} spans\n{}", trace.0.len(), trace.picture());
}
