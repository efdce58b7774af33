//! What is measured of each call, on either side: duration and status, with a span, until the end of the body.

use std::sync::Arc;

use kvartal_contract::Method;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use tokio::time::Instant;
use tonic::Code;
use tracing::Span;

use crate::status::{code_name, is_fault};

/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 15] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// How many gRPC codes there are.
const CODES: i32 = 17;

/// The side of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It is answered here.
    Server,
    /// It is made here.
    Client,
}

/// The instruments of one side, shared by its methods: a meter makes each only once.
#[derive(Clone)]
pub(crate) struct Instruments {
    side: Side,
    duration: Histogram<f64>,
    requests: Counter<u64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter, side: Side) -> Self {
        let (duration, requests) = match side {
            Side::Server => ("rpc.server.duration", "rpc.server.requests"),
            Side::Client => ("rpc.client.duration", "rpc.client.requests"),
        };
        Self {
            side,
            duration: meter
                .f64_histogram(duration)
                .with_unit("s")
                .with_description("Time until the end of the answer")
                .with_boundaries(BUCKETS.to_vec())
                .build(),
            requests: meter.u64_counter(requests).with_description("Answered calls by status").build(),
        }
    }
}

/// One method, measured: everything that can be prepared for its calls is.
pub(crate) struct Measured {
    instruments: Instruments,
    /// `kvartal.identity.v1.IdentityService/SignIn`.
    name: &'static str,
    service: &'static str,
    method: &'static str,
    /// Whose contract it is.
    domain: &'static str,
    attributes: [KeyValue; 3],
    by_code: Vec<[KeyValue; 4]>,
}

impl Measured {
    pub(crate) fn new(instruments: Instruments, method: &'static Method) -> Self {
        Self::named(instruments, method.path.trim_start_matches('/'), &method.service, &method.name, &method.domain)
    }

    /// For paths that no contract knows; what was asked for is not kept, since it is the client's invention.
    pub(crate) fn unknown(instruments: Instruments) -> Self {
        Self::named(instruments, "_OTHER", "_OTHER", "_OTHER", "_OTHER")
    }

    fn named(
        instruments: Instruments,
        name: &'static str,
        service: &'static str,
        method: &'static str,
        domain: &'static str,
    ) -> Self {
        let attributes = || {
            [
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", service),
                KeyValue::new("rpc.method", method),
            ]
        };
        let with_code = |code| {
            let [system, service, method] = attributes();
            [system, service, method, KeyValue::new("rpc.grpc.status", code_name(Code::from_i32(code)))]
        };
        let by_code = (0..CODES).map(with_code).collect();
        Self { instruments, name, service, method, domain, attributes: attributes(), by_code }
    }

    /// Counts a call that was answered at once and needs no span.
    pub(crate) fn count(&self, code: Code) {
        if let Some(attributes) = usize::try_from(code as i32).ok().and_then(|code| self.by_code.get(code)) {
            self.instruments.requests.add(1, attributes);
        }
    }

    fn span(&self) -> Span {
        match self.instruments.side {
            Side::Server => tracing::info_span!(
                target: "kvartal::rpc",
                "rpc",
                otel.name = self.name,
                otel.kind = "server",
                rpc.system = "grpc",
                rpc.service = self.service,
                rpc.method = self.method,
                rpc.grpc.status_code = tracing::field::Empty,
                otel.status_code = tracing::field::Empty,
                enduser.id = tracing::field::Empty,
                kvartal.service = self.domain,
            ),
            Side::Client => tracing::info_span!(
                target: "kvartal::rpc",
                "call",
                otel.name = self.name,
                otel.kind = "client",
                rpc.system = "grpc",
                rpc.service = self.service,
                rpc.method = self.method,
                server.address = tracing::field::Empty,
                rpc.grpc.status_code = tracing::field::Empty,
                otel.status_code = tracing::field::Empty,
            ),
        }
    }
}

/// A call under observation. Dropped before its end, it was cancelled.
pub(crate) struct Observation {
    measured: Arc<Measured>,
    span: Span,
    started: Instant,
    ended: bool,
}

impl Observation {
    pub(crate) fn start(measured: Arc<Measured>) -> Self {
        let span = measured.span();
        Self { measured, span, started: Instant::now(), ended: false }
    }

    /// When it began.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Ends it; a second end is ignored.
    pub(crate) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let measured = &self.measured;
        measured.instruments.duration.record(self.started.elapsed().as_secs_f64(), &measured.attributes);
        measured.count(code);
        if !self.span.is_disabled() {
            self.span.record("rpc.grpc.status_code", code as i32);
            if failed(code, measured.instruments.side) {
                self.span.record("otel.status_code", "ERROR");
            }
        }
        // The span ends with its last handle.
        self.span = Span::none();
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Whether a span of this code counts as failed: on the server only what is the server's fault.
fn failed(code: Code, side: Side) -> bool {
    match side {
        Side::Client => code != Code::Ok,
        Side::Server => is_fault(code),
    }
}
