//! The record of audited calls, as a port.

use async_trait::async_trait;
use kvartal_kernel::Error;

/// One audited call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRecord {
    /// The RPC's path.
    pub method: String,
    /// The caller's user, machine client or service id; empty for nobody known.
    pub actor_id: String,
    /// The caller's session; empty without one.
    pub session_id: String,
    /// The gRPC status, such as `OK` or `PERMISSION_DENIED`.
    pub outcome: String,
    /// From where; personal data.
    pub address: String,
}

/// Where audited calls go: the outbox of the service that answers.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Keeps a record; it is durable when this returns `Ok`. A call that succeeded but cannot be recorded is answered with
    /// UNAVAILABLE, so no success goes unrecorded.
    async fn record(&self, call: CallRecord) -> Result<(), Error>;
}

/// Keeps nothing, for services without audited methods and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

#[async_trait]
impl AuditSink for NoAudit {
    async fn record(&self, _: CallRecord) -> Result<(), Error> {
        Ok(())
    }
}
