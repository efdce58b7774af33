//! What is kept of traces that are not sampled, and how much of it.

use std::time::SystemTime;

use opentelemetry::trace::{SpanId, TraceState, Tracer, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor};

use super::*;

const RPC: &str = "kvartal.incident.v1.ReportService/CreateReport";
const STREAM: &str = "kvartal.incident.v1.ReportService/WatchReports";

/// A process of which nothing is sampled.
struct Process {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

impl Process {
    fn new(bounds: Bounds) -> Self {
        let exporter = InMemorySpanExporter::default();
        let tail = Tail::bounded(SimpleSpanProcessor::new(exporter.clone()), limits(), bounds);
        let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        let provider = SdkTracerProvider::builder().with_sampler(Recorded(sampler)).with_span_processor(tail).build();
        Self { exporter, provider }
    }

    /// A span that took this long; `parent` of this process or of another.
    fn span(&self, name: &'static str, parent: &Context, took: Duration) -> Context {
        let tracer = self.provider.tracer("test");
        #[expect(clippy::disallowed_methods, reason = "OpenTelemetry ends spans by the system's clock")]
        let now = SystemTime::now();
        let span = tracer.span_builder(name).with_start_time(now - took).start_with_context(&tracer, parent);
        parent.with_span(span)
    }

    fn sent(&self) -> Vec<String> {
        self.provider.force_flush().unwrap();
        self.exporter.get_finished_spans().unwrap().into_iter().map(|span| span.name.into_owned()).collect()
    }
}

const FAST: Duration = Duration::ZERO;

fn sender(trace: u128) -> Context {
    let context = SpanContext::new(
        TraceId::from(trace),
        SpanId::from(7_u64),
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::default(),
    );
    Context::new().with_remote_span_context(context)
}

fn fail(context: &Context) {
    context.span().set_status(Status::error(""));
}

#[test]
fn what_went_well_is_forgotten_and_what_failed_is_sent_with_all_its_spans() {
    let process = Process::new(Bounds::default());
    for failed in [false, true] {
        let root = process.span(RPC, &sender(u128::from(failed) + 1), FAST);
        process.span("SELECT", &root, FAST).span().end();
        if failed {
            fail(&root);
        }
        root.span().end();
    }
    assert_eq!(process.sent(), ["SELECT", RPC]);
    let spans = process.exporter.get_finished_spans().unwrap();
    assert!(spans.iter().all(|span| span.span_context.trace_id() == TraceId::from(2_u128)));
    assert!(spans.iter().all(|span| span.span_context.is_sampled()));
    assert!(spans[1].attributes.contains(&KeyValue::new("kvartal.kept", "error")));
}

#[test]
fn slow_is_what_takes_longer_than_the_contract_promises() {
    let process = Process::new(Bounds::default());
    let promised = limits()[RPC].unwrap();
    process.span(RPC, &sender(1), promised / 2).span().end();
    assert!(process.sent().is_empty());
    process.span(RPC, &sender(2), promised * 2).span().end();
    process.span(STREAM, &sender(3), Duration::from_secs(3600)).span().end();
    process.span("job send_email", &Context::new(), SLOW * 2).span().end();
    process.span("job send_email", &Context::new(), SLOW / 2).span().end();
    assert_eq!(process.sent(), [RPC, "job send_email"]);
}

#[test]
fn a_call_inside_the_process_waits_for_the_one_around_it() {
    let process = Process::new(Bounds::default());
    let outer = process.span(RPC, &sender(1), FAST);
    let call = process.span("call", &outer, FAST);
    let at = call.span().span_context().clone();
    let arriving = Context::new().with_remote_span_context(kvartal_trace::parse(&kvartal_trace::format(&at)).unwrap());
    let inner = process.span(RPC, &arriving, FAST);
    inner.span().end();
    call.span().end();
    assert!(process.sent().is_empty());
    fail(&outer);
    outer.span().end();
    assert_eq!(process.sent(), [RPC, "call", RPC]);
    // What follows of the trace, such as the handling of its events, is sent too.
    process.span("process notification", &sender(1), FAST).span().end();
    assert_eq!(process.sent().len(), 4);
}

#[test]
fn a_failed_statement_tells_no_values() {
    let process = Process::new(Bounds::default());
    let root = process.span(RPC, &sender(1), FAST);
    let statement = process.span("sea_orm.execute", &root, FAST);
    statement.span().set_attribute(KeyValue::new("db.system", "postgresql"));
    statement.span().set_attribute(KeyValue::new("exception.message", "invalid input: \"someone@example.org\""));
    fail(&statement);
    statement.span().end();
    fail(&root);
    root.span().end();
    assert_eq!(process.sent().len(), 2);
    assert!(!format!("{:?}", process.exporter.get_finished_spans().unwrap()).contains("someone"));
}

#[test]
fn memory_is_bounded_whatever_goes_on() {
    let bounds = Bounds { traces: 10, spans_of_one: 5, spans: 20, kept: 3 };
    let process = Process::new(bounds);
    // Never ended: calls that hang.
    let open: Vec<_> = (1..=100).map(|trace| process.span(RPC, &sender(trace), FAST)).collect();
    for root in &open {
        for _ in 0..10 {
            process.span("SELECT", root, FAST).span().end();
        }
    }
    assert!(process.sent().is_empty());
    // What was pushed out and fails is sent alone, and the last one with as much as there was room for.
    fail(&open[0]);
    open[0].span().end();
    assert_eq!(process.sent(), [RPC]);
    fail(&open[99]);
    open[99].span().end();
    assert_eq!(process.sent().len(), 1 + bounds.spans_of_one + 1);
}

#[test]
fn the_store_never_holds_more_than_its_bounds() {
    let bounds = Bounds { traces: 10, spans_of_one: 5, spans: 20, kept: 3 };
    let process = Process::new(Bounds::default());
    let root = process.span(RPC, &sender(1), FAST);
    fail(&root);
    root.span().end();
    process.provider.force_flush().unwrap();
    let template = process.exporter.get_finished_spans().unwrap().remove(0);
    let mut held = Held::new(bounds);
    for trace in 1..=1000_u128 {
        let mut span = template.clone();
        span.span_context = SpanContext::new(
            TraceId::from(trace),
            SpanId::from(1_u64),
            TraceFlags::NOT_SAMPLED,
            false,
            TraceState::default(),
        );
        held.begin(TraceId::from(trace));
        for _ in 0..7 {
            held.end(span.clone(), false, false);
        }
        if trace % 2 == 0 {
            held.end(span, true, true);
        }
        let (traces, spans, kept) = held.sizes();
        assert!(traces <= bounds.traces && spans <= bounds.spans && kept <= bounds.kept, "{traces} {spans} {kept}");
    }
}
