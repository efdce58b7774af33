//! Spans and metrics of calls.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use kvartal_kernel::{Role, SystemClock};
use kvartal_mesh::Channel;
use kvartal_mesh::server::{Limits, Stack};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tonic::Request;
use tonic_types::StatusExt as _;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::world::World;

/// One subscriber for all tests of this process, since tracing remembers which spans nobody wanted. Each test looks at its
/// own trace only.
static SPANS: LazyLock<(InMemorySpanExporter, SdkTracerProvider)> = LazyLock::new(|| {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    (exporter, provider)
});

/// A trace of one test.
struct Trace(u128);

const SENDER: &str = "b7ad6b7169203331";

impl Trace {
    fn new(id: u128) -> Self {
        LazyLock::force(&SPANS);
        Self(id)
    }

    fn id(&self) -> String {
        format!("{:032x}", self.0)
    }

    fn of<T>(&self, mut request: Request<T>) -> Request<T> {
        let parent = format!("00-{}-{SENDER}-01", self.id());
        request.metadata_mut().insert("traceparent", parent.parse().unwrap());
        request
    }

    /// Its finished spans.
    fn spans(&self) -> Vec<SpanData> {
        let (exporter, provider) = &*SPANS;
        provider.force_flush().unwrap();
        let mut spans = exporter.get_finished_spans().unwrap();
        spans.retain(|span| span.span_context.trace_id().to_string() == self.id());
        spans
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
}

#[tokio::test]
async fn a_call_is_a_child_of_its_senders_span_and_says_who_called() {
    let (trace, world) = (Trace::new(0x1001), World::new());
    world.audit().list_records(trace.of(world.list("missing"))).await.unwrap_err();
    let spans = trace.spans();
    let [span] = &spans[..] else { panic!("one span: {spans:?}") };
    assert_eq!(span.name, "kvartal.audit.v1.AuditService/ListRecords");
    assert_eq!((&span.span_kind, span.parent_span_id.to_string().as_str()), (&SpanKind::Server, SENDER));
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "kvartal.audit.v1.AuditService"),
        ("rpc.method", "ListRecords"),
        ("rpc.grpc.status_code", "5"),
        ("enduser.id", "00000000-0000-0000-0000-000000000001"),
    ] {
        assert_eq!(attribute(span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(span.status, Status::Unset, "what is not found is not the server's fault");
    let all = format!("{span:?}");
    for secret in ["Bearer", "192.0.2.7", "a browser", &world.token(&[Role::Admin])[..20]] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test]
async fn an_audited_call_is_traced_alike() {
    let (trace, world) = (Trace::new(0x1002), World::new());
    world.audit().verify_chain(trace.of(world.verify_chain(0))).await.unwrap();
    let spans = trace.spans();
    let [span] = &spans[..] else { panic!("one span: {spans:?}") };
    assert_eq!(attribute(span, "rpc.grpc.status_code").as_deref(), Some("0"));
    assert!(attribute(span, "enduser.id").is_some());
}

#[tokio::test]
async fn a_call_between_services_stays_in_its_trace() {
    let (trace, world) = (Trace::new(0x1003), World::new());
    let channel = Channel::local(
        kvartal_proto::contract(),
        Arc::new(SystemClock),
        "identity",
        world.identity.clone(),
        "notification",
    );
    let contact = identity::GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() };
    let outer = tracing::info_span!("the call that it is made for");
    let sender = kvartal_mesh::trace::parse(&format!("00-{}-{SENDER}-01", trace.id())).unwrap();
    outer.set_parent(opentelemetry::Context::new().with_remote_span_context(sender)).unwrap();
    IdentityServiceClient::new(channel).get_contact(contact).instrument(outer).await.unwrap();
    let spans = trace.spans();
    let of = |kind: SpanKind| {
        spans.iter().find(|span| span.span_kind == kind).unwrap_or_else(|| panic!("no {kind:?} in {spans:?}"))
    };
    let (outer, client, server) = (of(SpanKind::Internal), of(SpanKind::Client), of(SpanKind::Server));
    assert_eq!(client.parent_span_id, outer.span_context.span_id());
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    assert_eq!(attribute(server, "enduser.id").as_deref(), Some("notification"));
    assert_eq!(attribute(client, "rpc.grpc.status_code").as_deref(), Some("0"));
}

#[tokio::test]
async fn a_span_lasts_until_the_end_of_the_stream() {
    let (trace, world) = (Trace::new(0x1004), World::new());
    let watch = |what| trace.of(world.watch(what));
    let mut stream = world.notification().watch_notifications(watch("short")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    assert!(trace.spans().is_empty());
    while stream.message().await.unwrap().is_some() {}
    assert_eq!(attribute(&trace.spans()[0], "rpc.grpc.status_code").as_deref(), Some("0"));

    drop(world.notification().watch_notifications(watch("silent")).await.unwrap());
    assert_eq!(attribute(&trace.spans()[1], "rpc.grpc.status_code").as_deref(), Some("1"), "cancelled");
}

#[tokio::test]
async fn a_fault_marks_the_span_as_failed_and_names_the_trace() {
    let (trace, world) = (Trace::new(0x1005), World::new());
    let status = world.audit().list_records(trace.of(world.list("internal"))).await.unwrap_err();
    assert!(matches!(trace.spans()[0].status, Status::Error { .. }));
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["trace_id"], trace.id());
}

#[tokio::test]
async fn calls_are_counted_and_timed() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    opentelemetry::global::set_meter_provider(provider.clone());
    let world = World::new();
    world.audit().list_records(world.list("")).await.unwrap();
    world.audit().list_records(world.list("missing")).await.unwrap_err();
    let small = World::with(|stack| Stack { limits: Limits { calls_max: 1, ..stack.limits }, ..stack });
    let (mut first, request) = (small.audit(), small.verify_chain(3));
    let waiting = tokio::spawn(async move { first.verify_chain(request).await });
    tokio::task::yield_now().await;
    small.audit().list_records(small.list("")).await.unwrap_err();
    provider.force_flush().unwrap();
    small.gate.notify_one();
    waiting.await.unwrap().unwrap();
    let metrics = exporter.get_finished_metrics().unwrap();
    let (mut counted, mut timed, mut shed) = (Vec::new(), 0, Vec::new());
    let mut gauges = BTreeMap::new();
    for metric in metrics.iter().flat_map(|m| m.scope_metrics()).flat_map(|scope| scope.metrics()) {
        match (metric.name(), metric.data()) {
            ("rpc.server.requests", AggregatedMetrics::U64(MetricData::Sum(sum))) => {
                for point in sum.data_points() {
                    let attributes: Vec<_> = point.attributes().map(|pair| pair.value.to_string()).collect();
                    if attributes.contains(&"ListRecords".into()) {
                        counted.extend(attributes);
                    }
                }
            }
            ("rpc.server.duration", AggregatedMetrics::F64(MetricData::Histogram(histogram))) => {
                timed += histogram.data_points().map(|point| point.count()).sum::<u64>();
            }
            ("rpc.server.shed", AggregatedMetrics::U64(MetricData::Sum(sum))) => {
                shed.extend(sum.data_points().flat_map(|point| point.attributes().map(|pair| pair.value.to_string())));
            }
            (name, AggregatedMetrics::U64(MetricData::Gauge(gauge))) => {
                for point in gauge.data_points() {
                    let of: Vec<_> = point.attributes().map(|pair| pair.value.to_string()).collect();
                    let most = gauges.entry((name.to_owned(), of.join(" "))).or_insert(0);
                    *most = point.value().max(*most);
                }
            }
            _ => {}
        }
    }
    assert!(counted.contains(&"OK".into()) && counted.contains(&"NOT_FOUND".into()), "{counted:?}");
    assert!(timed >= 2);
    for what in ["audit", "SHEDDABLE_PLUS", "read"] {
        assert!(shed.iter().any(|attribute| attribute == what), "{what} in {shed:?}");
    }
    let gauge = |name: &str, of: &str| {
        let found = gauges
            .iter()
            .find(|((n, o), _)| n == name && of.split(' ').all(|word| o.split(' ').any(|found| found == word)));
        found.map(|(_, value)| *value)
    };
    assert_eq!(gauge("rpc.server.open", "audit call"), Some(1), "{gauges:?}");
    assert_eq!(gauge("rpc.server.inside", "audit SHEDDABLE"), Some(1), "{gauges:?}");
    assert_eq!(gauge("rpc.server.limit", "audit limit"), Some(1), "{gauges:?}");
    assert_eq!(gauge("rpc.server.limit", "audit waiting"), Some(0), "{gauges:?}");
}
