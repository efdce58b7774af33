//! The first span of a request, and who decides whether its trace is sent.

use std::hash::{BuildHasher as _, RandomState};

use http_body_util::BodyExt as _;
use kvartal_contract::Contract;
use kvartal_mesh::{Request, Response};
use opentelemetry::trace::SpanContext;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::{Span, info_span};

/// Decides for traces that strangers began. Their sampled flag would let anybody have everything sent, and so would a
/// choice that follows from the trace id in a way they know.
pub(crate) struct Sampling {
    ratio: f64,
    secret: RandomState,
}

impl Sampling {
    pub(crate) fn new(ratio: f64) -> Self {
        Self { ratio, secret: RandomState::new() }
    }

    /// The same for all requests of one trace.
    fn takes(&self, sender: &SpanContext) -> bool {
        let chance = self.secret.hash_one(sender.trace_id()) >> 11;
        (chance as f64) < self.ratio * (1_u64 << 53) as f64
    }

    /// The span of a request, which goes on in its headers.
    pub(crate) fn begin(&self, contract: &Contract, request: &mut Request) -> Span {
        let method = contract.method(request.uri().path());
        let name = method.map_or_else(|| request.method().as_str(), |method| method.path.trim_start_matches('/'));
        // The path of anything else is the client's invention.
        let span = info_span!(
            "edge",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = tracing::field::Empty,
            http.request.method = %request.method(),
            http.response.status_code = tracing::field::Empty,
            kvartal.service = "edge",
        );
        kvartal_trace::adopt_undecided(&span, request.headers(), |sender| self.takes(sender));
        kvartal_trace::inject(&span, request.headers_mut());
        span
    }
}

/// Notes an RPC that failed at once; how others end is known to the spans of their services.
pub(crate) fn refused(answer: &Response) {
    let code = answer.headers().get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()));
    if code.is_some_and(kvartal_mesh::is_fault) {
        Span::current().record("otel.status_code", "ERROR");
    }
}

/// Ends the span with the body of the answer.
pub(crate) fn end(span: Span, answer: Response) -> Response {
    if span.is_disabled() {
        return answer;
    }
    span.record("http.response.status_code", answer.status().as_u16());
    if answer.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    // Whoever holds the body holds the span.
    answer.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = &span;
            frame
        }))
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    fn taken(ratio: f64) -> usize {
        let sampling = Sampling::new(ratio);
        let sender = |id: u128| {
            SpanContext::new(TraceId::from(id), SpanId::from(1_u64), TraceFlags::SAMPLED, true, TraceState::default())
        };
        (1..=10_000).filter(|id| sampling.takes(&sender(*id))).count()
    }

    #[test]
    fn the_share_is_what_was_asked_for_whatever_ids_are_sent() {
        assert_eq!(taken(0.0), 0);
        assert_eq!(taken(1.0), 10_000);
        let tenth = taken(0.1);
        assert!((700..1300).contains(&tenth), "{tenth}");
    }
}
