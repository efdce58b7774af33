//! Trace context as text, in headers and in messages.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use crate::headers::extract;
use crate::{adopt_undecided, consume, format, parse, produced};

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_traceparent_is_read_and_written_alike() {
    let context = parse(GOOD).unwrap();
    assert!(context.is_sampled() && context.is_remote());
    assert_eq!(format(&context), GOOD);
}

#[test]
fn a_later_version_is_read_as_far_as_it_agrees() {
    assert!(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what").is_some());
    assert!(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01what").is_none());
}

#[test]
fn what_is_no_traceparent_is_ignored() {
    for text in [
        "",
        "00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319cb7ad6b71-69203331--01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "éé-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert!(parse(text).is_none(), "{text}");
    }
}

#[test]
fn a_tracestate_is_kept_unless_it_is_huge() {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", HeaderValue::from_static(GOOD));
    headers.insert("tracestate", HeaderValue::from_static("a=1,b=2"));
    assert_eq!(extract(&headers).unwrap().trace_state().header(), "a=1,b=2");
    headers.insert("tracestate", HeaderValue::from_str(&format!("a={}", "x".repeat(600))).unwrap());
    assert_eq!(extract(&headers).unwrap().trace_state().header(), "");
}

proptest! {
    #[test]
    fn any_text_is_an_answer_not_a_crash(text: String) {
        let _ = parse(&text);
    }
}

#[test]
fn a_stranger_is_continued_but_decides_nothing() {
    use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static(GOOD));
        headers.insert("tracestate", HeaderValue::from_static("a=1"));
        for decision in [true, false] {
            let span = tracing::info_span!("edge");
            adopt_undecided(&span, &headers, |_| decision);
            let context = span.context();
            let context = context.span().span_context().clone();
            assert_eq!(context.trace_id().to_string(), GOOD[3..35]);
            assert_eq!(context.is_sampled(), decision);
            assert_eq!(context.trace_state().header(), "");
        }
    });
}

#[test]
fn a_message_is_handled_in_its_trace_and_linked_to_who_sent_it() {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt as _;

    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let producer = tracing::info_span!("publish");
        crate::follow(&producer, GOOD);
        let carried = produced(&producer, "");
        drop(producer);
        consume(&tracing::info_span!("process"), &carried);
    });
    let spans = exporter.get_finished_spans().unwrap();
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (producer, consumer) = (named("publish"), named("process"));
    assert_eq!(producer.parent_span_id.to_string(), GOOD[36..52]);
    assert_eq!(consumer.parent_span_id, producer.span_context.span_id());
    assert_eq!(consumer.span_context.trace_id().to_string(), GOOD[3..35]);
    let links: Vec<_> = consumer.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(links, [producer.span_context.span_id()]);
}

#[test]
fn without_a_tracer_a_message_carries_what_it_had() {
    assert_eq!(produced(&tracing::Span::none(), GOOD), GOOD);
}
