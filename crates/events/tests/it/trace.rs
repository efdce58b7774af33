//! One trace leads from the call that caused an event to its handlers.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::Error;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use crate::outbox::{Relaying, append};
use crate::{Database, Room, Running, SOON, declare, event};

#[derive(Default)]
struct Tracing(Mutex<Option<String>>);

#[async_trait]
impl Handler for Tracing {
    async fn handle(&self, _: &Event) -> Result<(), Error> {
        let context = tracing::Span::current().context();
        *self.0.lock().unwrap() = Some(context.span().span_context().trace_id().to_string());
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_handler_continues_the_trace_of_the_event() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let room = Room::local().await;
    let database = Database::sqlite().await;
    declare(&*room.bus, "traces").await;
    let handler = Arc::new(Tracing::default());
    let running = Running::start(&room.bus, "traces", handler.clone());
    let relaying = Relaying::start(&database.store, &room.bus);
    let span = tracing::info_span!("call");
    let trace = span.context().span().span_context().trace_id().to_string();
    let event = span.in_scope(|| event("a", 0));
    assert_eq!(event.traceparent.split('-').nth(1), Some(trace.as_str()));
    append(&database.store, vec![event]).await;
    let handled = || async { handler.0.lock().unwrap().clone() };
    assert_eq!(kvartal_testing::eventually(SOON, handled).await, trace);
    relaying.stop().await;
    running.stop().await;
}
