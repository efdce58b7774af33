//! W3C trace context on the way in and on the way out.

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
/// Longer `tracestate` headers are dropped, as the standard allows.
const TRACESTATE_BYTES_MAX: usize = 512;

/// Reads a `traceparent` header's value. `None` when it is malformed; versions above 00 are read as far as they agree.
pub fn parse(text: &str) -> Option<SpanContext> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 55 && bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
    if !shape || !bytes[..55].iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')) {
        return None;
    }
    match &bytes[..2] {
        b"ff" => return None,
        b"00" if bytes.len() != 55 => return None,
        _ if bytes.len() > 55 && bytes[55] != b'-' => return None,
        _ => {}
    }
    let trace = TraceId::from_hex(text.get(3..35)?).ok()?;
    let span = SpanId::from_hex(text.get(36..52)?).ok()?;
    let flags = u8::from_str_radix(text.get(53..55)?, 16).ok()?;
    let context =
        SpanContext::new(trace, span, TraceFlags::new(flags) & TraceFlags::SAMPLED, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// Writes a `traceparent` value.
pub fn format(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
}

/// The current span as a `traceparent` value; empty outside of traces.
pub fn traceparent() -> String {
    current().map(|context| format(&context)).unwrap_or_default()
}

/// The current trace's id; `None` outside of traces.
pub fn trace_id() -> Option<String> {
    current().map(|context| context.trace_id().to_string())
}

fn current() -> Option<SpanContext> {
    let span = tracing::Span::current();
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then_some(context)
}

/// The sender's span, from a request's headers.
pub(crate) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let context = parse(headers.get(TRACEPARENT)?.to_str().ok()?)?;
    let Some(state) = headers.get(TRACESTATE).and_then(|value| value.to_str().ok()) else { return Some(context) };
    if state.len() > TRACESTATE_BYTES_MAX {
        return Some(context);
    }
    let state = state.parse().unwrap_or_default();
    Some(SpanContext::new(context.trace_id(), context.span_id(), context.trace_flags(), true, state))
}

/// Makes `span` a child of the sender's span.
pub(crate) fn adopt(span: &tracing::Span, headers: &HeaderMap) {
    if !span.is_disabled()
        && let Some(context) = extract(headers)
    {
        // Without an OpenTelemetry layer there is nothing to set the parent on.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(context));
    }
}

/// Sends the span along. Headers of an outer trace are replaced; without a trace they stay as they are.
pub(crate) fn inject(span: &tracing::Span, headers: &mut HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    if !context.is_valid() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&format(&context)) {
        headers.insert(TRACEPARENT, value);
    }
    let state = context.trace_state().header();
    if state.is_empty() {
        headers.remove(TRACESTATE);
    } else if let Ok(value) = HeaderValue::from_str(&state) {
        headers.insert(TRACESTATE, value);
    }
}

#[cfg(test)]
mod tests;
