//! The server stack: what stands between the wire and every handler.

mod listen;

use std::sync::Arc;

use kvartal_contract::Contract;
use kvartal_kernel::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::BoxService;
use crate::audit::AuditSink;
use crate::auth::{MeshKey, Verifier};
use crate::rate::Limiter;

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
        let _ = routes;
        struct ToCome;
        impl crate::service::Handle for ToCome {
            fn handle(self: Arc<Self>, _: crate::Request) -> crate::BoxFuture<crate::Response> {
                Box::pin(async { tonic::Status::unavailable("to come").into_http() })
            }
        }
        BoxService::new(Arc::new(ToCome))
    }
}
