//! Trace context in the headers of a call.

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, TraceFlags};
use tracing::Span;

use crate::span::{child, context_of};
use crate::text::{format, parse};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
/// Longer `tracestate` headers are dropped, as the standard allows.
const TRACESTATE_BYTES_MAX: usize = 512;

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
pub fn adopt(span: &Span, headers: &HeaderMap) {
    if !span.is_disabled()
        && let Some(context) = extract(headers)
    {
        child(span, context);
    }
}

/// The same for a sender who is not trusted: the trace is continued, but whether it is sampled, which costs us and not
/// the sender, is for `sampled` to say. What the sender's own systems keep in `tracestate` goes no further.
pub fn adopt_undecided(span: &Span, headers: &HeaderMap, sampled: impl FnOnce(&SpanContext) -> bool) {
    if span.is_disabled() {
        return;
    }
    let sender = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse);
    if let Some(sender) = sender {
        let flags = if sampled(&sender) { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        child(span, SpanContext::new(sender.trace_id(), sender.span_id(), flags, true, sender.trace_state().clone()));
    }
}

/// Sends the span along. Headers of an outer trace are replaced; without a trace they stay as they are.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    let Some(context) = context_of(span) else { return };
    if let Ok(mut value) = HeaderValue::from_str(&format(&context)) {
        // Not in HPACK's table: it never comes again, and would push others out.
        value.set_sensitive(true);
        headers.insert(TRACEPARENT, value);
    }
    let state = context.trace_state().header();
    if state.is_empty() {
        headers.remove(TRACESTATE);
    } else if let Ok(value) = HeaderValue::from_str(&state) {
        headers.insert(TRACESTATE, value);
    }
}
