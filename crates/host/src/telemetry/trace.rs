//! Trace context that waited in a table.

use opentelemetry::trace::TraceContextExt;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes the span a child of what is written in `traceparent`, if anything is.
pub(crate) fn follow(span: &tracing::Span, traceparent: &str) {
    if !span.is_disabled()
        && let Some(context) = kvartal_mesh::trace::parse(traceparent)
    {
        // Without an OpenTelemetry layer there is no parent to set.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(context));
    }
}
