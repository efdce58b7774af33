//! The server stack: what stands between the wire and every handler.

mod admit;
mod body;
mod call;
mod gate;
mod guard;
mod handshake;
mod limit;
mod listen;
mod shed;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kvartal_contract::{Contract, Method};
use kvartal_kernel::Clock;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::AuditSink;
use crate::auth::{MeshKey, Verifier};
use crate::metrics::{Instruments, Measured, Side};
use crate::rate::Limiter;
use crate::{BoxService, Criticality};

use gate::Gate;
use shed::Shed;

pub(crate) use admit::LocalService;
pub use admit::{identify, may_pass_on, rate_key};
pub use handshake::Tls;
pub use listen::{Listen, serve, server};

/// Bounds of one service in one process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most calls at once, streams aside, from their first byte to their last; more are answered with UNAVAILABLE. How many
    /// of them are worked on is found out while running, see `limit.rs`, and is never more than this.
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
/// body; protocol guard; deadline, body included; authentication; authorization by contract, default
/// deny; rate; the whole message; a place among the calls that are worked on; the handler; audit. A call for which there is
/// neither a place nor hope of one is turned away before any of it.
#[derive(Clone)]
pub struct Stack {
    /// The contract that is enforced.
    pub contract: &'static Contract,
    /// The service's domain, such as `identity`: only its RPCs are answered, and those that every service answers.
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
        let methods = self.contract.methods_of(self.service).enumerate();
        let methods: HashMap<_, _> = methods
            .map(|(number, method)| {
                let measured = Arc::new(Measured::new(instruments.clone(), method));
                (method.path.as_str(), Entry { target: Target { method, number }, measured })
            })
            .collect();
        let shell = Arc::new(Shell {
            gate: Arc::new(Gate::new(methods.len(), self.limits.calls_max)),
            shed: Shed::new(&meter, self.service),
            methods,
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
    gate: Arc<Gate>,
    shed: Shed,
    calls_open: AtomicUsize,
    streams_open: AtomicUsize,
}

struct Entry {
    target: Target,
    measured: Arc<Measured>,
}

/// A method of the service and its number.
#[derive(Clone, Copy)]
struct Target {
    method: &'static Method,
    number: usize,
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
    let gauge = |name, description, observe: fn(&Shell, &mut dyn FnMut(usize, &'static str, &'static str))| {
        let shell = Arc::downgrade(shell);
        let observe = move |observer: &dyn AsyncInstrument<u64>| {
            let Some(shell) = shell.upgrade() else { return };
            let service = KeyValue::new("service", shell.stack.service);
            observe(&shell, &mut |count, key, value| {
                let attributes = [service.clone(), KeyValue::new(key, value)];
                observer.observe(u64::try_from(count).unwrap_or(u64::MAX), &attributes);
            });
        };
        let _ = meter.u64_observable_gauge(name).with_description(description).with_callback(observe).build();
    };
    gauge("rpc.server.open", "Calls and streams at this moment", |shell, observe| {
        for (kind, stream) in [("call", false), ("stream", true)] {
            observe(shell.open(stream).0.load(Ordering::Relaxed), "kind", kind);
        }
    });
    gauge("rpc.server.open.limit", "Calls and streams at once; more are refused", |shell, observe| {
        for (kind, stream) in [("call", false), ("stream", true)] {
            observe(shell.open(stream).1, "kind", kind);
        }
    });
    gauge("rpc.server.inside", "Calls that are worked on at this moment", |shell, observe| {
        for (class, inside) in Criticality::ALL.into_iter().zip(shell.gate.fullness().inside) {
            observe(inside, "criticality", class.name());
        }
    });
    gauge("rpc.server.limit", "Calls that may be worked on at once, and that wait for it", |shell, observe| {
        let fullness = shell.gate.fullness();
        observe(fullness.limit, "kind", "limit");
        observe(fullness.waiting, "kind", "waiting");
    });
}
