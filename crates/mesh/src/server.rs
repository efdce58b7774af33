//! The server stack: what stands between the wire and every handler.

mod admit;
mod body;
mod call;
mod guard;
mod handshake;
mod limit;
mod listen;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kvartal_contract::{Contract, Method};
use kvartal_kernel::Clock;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::BoxService;
use crate::audit::AuditSink;
use crate::auth::{MeshKey, Verifier};
use crate::metrics::{Instruments, Measured, Side};
use crate::rate::Limiter;

pub(crate) use admit::LocalService;
pub use admit::{may_pass_on, rate_key};
pub use handshake::Tls;
pub use listen::{Listen, serve, server};

/// Bounds of one service in one process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most calls at once, streams aside; more are answered with UNAVAILABLE.
    pub calls_max: usize,
    /// Most open streams.
    pub streams_max: usize,
    /// Largest request message in bytes. Services set a smaller one for themselves (tonic's default is 4 MiB).
    pub message_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_max: 1_024, streams_max: 10_000, message_bytes_max: 16 * 1024 * 1024 }
    }
}

/// What every call of a service goes through, outermost first: panics are caught; span and metrics until the end of the
/// body; protocol guard; deadline, body included; load shedding; authentication; authorization by contract, default deny;
/// rate; the handler; audit.
#[derive(Clone)]
pub struct Stack {
    /// The contract that is enforced.
    pub contract: &'static Contract,
    /// The service's domain, such as `identity`: only RPCs of this domain are answered.
    pub service: &'static str,
    /// Tells who calls.
    pub verifier: Arc<dyn Verifier>,
    /// Knows other services by their tokens; without it nobody calls as a service over the network.
    pub mesh_key: Option<MeshKey>,
    /// Counts calls.
    pub limiter: Arc<dyn Limiter>,
    /// Keeps audited calls.
    pub audit: Arc<dyn AuditSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Streams end when it is cancelled; other calls run on.
    pub stop: CancellationToken,
    /// Holds every call until its body has ended: close it and wait for it to drain.
    pub calls: TaskTracker,
    /// Bounds.
    pub limits: Limits,
}

impl Stack {
    /// Puts the routes of a service behind the stack. Must be called after the global OpenTelemetry meter is set.
    pub fn wrap(self, routes: tonic::service::Routes) -> BoxService {
        let meter = opentelemetry::global::meter("kvartal");
        let instruments = Instruments::new(&meter, Side::Server);
        let methods = self.contract.methods().filter(|method| method.domain == self.service).map(|method| {
            let measured = Arc::new(Measured::new(instruments.clone(), method));
            (method.path.as_str(), Entry { method, measured })
        });
        let shell = Arc::new(Shell {
            methods: methods.collect(),
            unknown: Measured::unknown(instruments),
            routes: routes.prepare(),
            calls_open: AtomicUsize::new(0),
            streams_open: AtomicUsize::new(0),
            stack: self,
        });
        observe_open(&meter, &shell);
        BoxService::new(shell)
    }
}

/// The stack around one service's routes.
struct Shell {
    stack: Stack,
    routes: tonic::service::Routes,
    methods: HashMap<&'static str, Entry>,
    unknown: Measured,
    calls_open: AtomicUsize,
    streams_open: AtomicUsize,
}

struct Entry {
    method: &'static Method,
    measured: Arc<Measured>,
}

impl Shell {
    /// How many calls or streams are open, and how many may be.
    fn open(&self, stream: bool) -> (&AtomicUsize, usize) {
        let limits = &self.stack.limits;
        if stream { (&self.streams_open, limits.streams_max) } else { (&self.calls_open, limits.calls_max) }
    }
}

/// Shows how full the service is; read when somebody collects metrics, so calls pay nothing for it.
fn observe_open(meter: &Meter, shell: &Arc<Shell>) {
    let shell = Arc::downgrade(shell);
    let gauge = meter.u64_observable_gauge("rpc.server.open").with_description("Calls and streams at this moment");
    let observe = move |observer: &dyn AsyncInstrument<u64>| {
        let Some(shell) = shell.upgrade() else { return };
        for (kind, stream) in [("call", false), ("stream", true)] {
            let open = shell.open(stream).0.load(Ordering::Relaxed);
            let attributes = [KeyValue::new("service", shell.stack.service), KeyValue::new("kind", kind)];
            observer.observe(u64::try_from(open).unwrap_or(u64::MAX), &attributes);
        }
    };
    let _ = gauge.with_callback(observe).build();
}
