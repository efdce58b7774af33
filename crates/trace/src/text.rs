//! The text of a `traceparent`.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

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
