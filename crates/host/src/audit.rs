//! Audited calls become events of the service that answered them.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_events::{Event, outbox};
use kvartal_kernel::{Clock, Error};
use kvartal_mesh::audit::{AuditSink, CallRecord};
use kvartal_proto::audit::v1::CallAudited;
use kvartal_store::Store;

/// Writes audited calls into the service's own outbox.
pub(crate) struct OutboxAudit {
    pub(crate) store: Store,
    pub(crate) service: &'static str,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl AuditSink for OutboxAudit {
    async fn record(&self, call: CallRecord) -> Result<(), Error> {
        let subject = if call.actor_id.is_empty() { "anonymous".to_owned() } else { call.actor_id.clone() };
        let CallRecord { method, actor_id, session_id, outcome, address } = call;
        let audited = CallAudited { method, actor_id, session_id, outcome, address };
        let event = Event::new(self.service, subject, self.clock.now(), &audited);
        self.store.transaction(move |tx| Box::pin(async move { outbox::append(tx, vec![event]).await })).await
    }
}
