//! Trace context that waits: in a row of a table, or in a message.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::text::{format, parse};

/// The current span as a `traceparent` value; empty outside of traces.
pub fn traceparent() -> String {
    context_of(&Span::current()).map(|context| format(&context)).unwrap_or_default()
}

/// The current trace's id; `None` outside of traces.
pub fn trace_id() -> Option<String> {
    context_of(&Span::current()).map(|context| context.trace_id().to_string())
}

/// Makes the span a child of what is written in `traceparent`, if anything is.
pub fn follow(span: &Span, traceparent: &str) {
    if !span.is_disabled()
        && let Some(context) = parse(traceparent)
    {
        child(span, context);
    }
}

/// What a message carries that is sent in this span; `otherwise` when nobody traces here.
pub fn produced(span: &Span, otherwise: &str) -> String {
    context_of(span).map_or_else(|| otherwise.to_owned(), |context| format(&context))
}

/// Makes the span that handles a message a child of the one that sent it, so that it is the same trace, and links it to
/// it, as the conventions for messaging ask: viewers that show links show the way of the message.
pub fn consume(span: &Span, traceparent: &str) {
    if !span.is_disabled()
        && let Some(context) = parse(traceparent)
    {
        child(span, context.clone());
        span.add_link(context);
    }
}

pub(crate) fn child(span: &Span, parent: SpanContext) {
    // Without an OpenTelemetry layer there is nothing to set the parent on.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// The span's place in its trace; `None` when nobody traces.
pub(crate) fn context_of(span: &Span) -> Option<SpanContext> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then_some(context)
}
