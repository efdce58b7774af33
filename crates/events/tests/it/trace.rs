//! One trace leads from the call that caused an event to its handlers.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::Error;
use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing_subscriber::layer::SubscriberExt;

use crate::outbox::{Relaying, append};
use crate::{Database, Room, Running, SOON, declare, event};

struct Working;

#[async_trait]
impl Handler for Working {
    async fn handle(&self, _: &Event) -> Result<(), Error> {
        tracing::info_span!("work").in_scope(|| ());
        Ok(())
    }
}

async fn a_trace_goes_on_from_the_call_over_the_bus_to_the_handler(room: Room, system: &str) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // What libraries tell about their own work is not of interest here.
    let ours = tracing_subscriber::filter::filter_fn(|metadata| {
        metadata.target().starts_with("kvartal_events") || metadata.target().starts_with("it")
    });
    let layer = tracing_subscriber::Layer::with_filter(layer, ours);
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let database = Database::sqlite().await;
    declare(&*room.bus, "traces").await;
    let running = Running::start(&room.bus, "traces", Arc::new(Working));
    let relaying = Relaying::start(&database.store, &room.bus);
    let event = tracing::info_span!("call").in_scope(|| event("a", 0));
    append(&database.store, vec![event.clone()]).await;
    let spans = || async {
        let spans = exporter.get_finished_spans().unwrap();
        (spans.len() >= 4).then_some(spans)
    };
    let spans = kvartal_testing::eventually(SOON, spans).await;
    relaying.stop().await;
    running.stop().await;

    let named = |name: &str| -> &SpanData {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {spans:?}"))
    };
    let (call, work) = (named("call"), named("work"));
    let (published, handled) = (named(&format!("publish {}", event.kind)), named("process traces"));
    assert_eq!(event.traceparent, kvartal_trace::format(&call.span_context));
    assert!(spans.iter().all(|span| span.span_context.trace_id() == call.span_context.trace_id()));
    for (child, parent) in [(published, call), (handled, published), (work, handled)] {
        assert_eq!(child.parent_span_id, parent.span_context.span_id(), "{} below {}", child.name, parent.name);
    }
    assert_eq!((&published.span_kind, &handled.span_kind), (&SpanKind::Producer, &SpanKind::Consumer));
    let links: Vec<_> = handled.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(links, [published.span_context.span_id()]);
    for span in [published, handled] {
        for (key, value) in [("messaging.system", system), ("messaging.message.id", &event.id.to_string())] {
            let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
            assert_eq!(found.map(|attribute| attribute.value.to_string()).as_deref(), Some(value), "{key}");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_handler_continues_the_trace_of_the_event_inside_the_process() {
    a_trace_goes_on_from_the_call_over_the_bus_to_the_handler(Room::local().await, "kvartal").await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_handler_continues_the_trace_of_the_event_over_rabbitmq() {
    a_trace_goes_on_from_the_call_over_the_bus_to_the_handler(Room::rabbit().await, "rabbitmq").await;
}
