//! Which spans are sent: those of sampled traces, and of all others what went wrong or took too long.
//!
//! Whether a call deserves a look is known at its end only. So every span is recorded, and what is not sampled waits in a
//! bounded store until the last root of its trace in this process has ended; then it is sent as a whole, or forgotten.

mod held;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, ShouldSample, Span, SpanData, SpanProcessor,
};

use held::{Bounds, Held};

/// From here on whatever the contract gives no time for is slow: jobs, deliveries of events, pages.
const SLOW: Duration = Duration::from_secs(1);

/// Records what another sampler would drop, without calling it sampled.
#[derive(Clone, Debug)]
pub(super) struct Recorded(pub(super) Sampler);

impl ShouldSample for Recorded {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self.0.should_sample(parent, trace, name, kind, attributes, links);
        if result.decision == SamplingDecision::Drop {
            result.decision = SamplingDecision::RecordOnly;
        }
        result
    }
}

/// How long what a span stands for may take; `None` when it may take as long as it likes.
pub(super) type Limits = HashMap<String, Option<Duration>>;

/// What the contract promises of each RPC. Streams last as long as somebody listens.
pub(super) fn limits() -> Limits {
    let limit = |method: &kvartal_contract::Method| (!method.server_streaming).then_some(method.slo.latency_p99);
    kvartal_proto::contract()
        .methods()
        .map(|method| (method.path.trim_start_matches('/').to_owned(), limit(method)))
        .collect()
}

/// Stands before the processor that sends.
#[derive(Debug)]
pub(super) struct Tail<P> {
    inner: P,
    limits: Limits,
    held: Mutex<Held>,
}

impl<P: SpanProcessor> Tail<P> {
    pub(super) fn new(inner: P, limits: Limits) -> Self {
        Self::bounded(inner, limits, Bounds::default())
    }

    fn bounded(inner: P, limits: Limits, bounds: Bounds) -> Self {
        Self { inner, limits, held: Mutex::new(Held::new(bounds)) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the trace of this root is kept, if it is.
    fn fault(&self, root: &SpanData) -> Option<&'static str> {
        if matches!(root.status, Status::Error { .. }) {
            return Some("error");
        }
        let limit = self.limits.get(&*root.name).copied().unwrap_or(Some(SLOW))?;
        let took = root.end_time.duration_since(root.start_time).unwrap_or_default();
        (took > limit).then_some("slow")
    }
}

impl<P: SpanProcessor> SpanProcessor for Tail<P> {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        if !span.span_context().is_sampled() {
            let parent = parent.span().span_context().clone();
            if !parent.is_valid() || parent.is_remote() {
                self.held().begin(span.span_context().trace_id());
            }
        }
        self.inner.on_start(span, parent);
    }

    fn on_end(&self, mut span: SpanData) {
        without_values(&mut span);
        if span.span_context.is_sampled() {
            return self.inner.on_end(span);
        }
        let root = span.parent_span_is_remote || span.parent_span_id == opentelemetry::SpanId::INVALID;
        let fault = if root { self.fault(&span) } else { None };
        if let Some(fault) = fault {
            span.attributes.push(KeyValue::new("kvartal.kept", fault));
        }
        let wanted = self.held().end(span, root, fault.is_some());
        for mut span in wanted {
            span.span_context = sampled(&span.span_context);
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// What a database says against a statement may quote values; the text of the statement has placeholders only.
fn without_values(span: &mut SpanData) {
    if span.attributes.iter().any(|attribute| attribute.key.as_str() == "db.system") {
        span.attributes.retain(|attribute| attribute.key.as_str() != "exception.message");
    }
}

/// Processors send only what is called sampled.
fn sampled(context: &SpanContext) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags() | TraceFlags::SAMPLED,
        context.is_remote(),
        context.trace_state().clone(),
    )
}

#[cfg(test)]
mod tests;
