//! The end: nothing new, then streams, calls, background work, databases, each given time.

use tokio::time::Instant;

use crate::runtime::{Runtime, lock};
use crate::tasks::Phase;

/// How the runtime ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stopped {
    /// Calls that were cut.
    pub calls: usize,
    /// Tasks that did not end within the grace and were aborted.
    pub tasks: Vec<&'static str>,
}

impl Stopped {
    /// Whether everything ended by itself.
    pub fn clean(&self) -> bool {
        self.calls == 0 && self.tasks.is_empty()
    }
}

impl Runtime {
    /// Stops: not ready any more → streams and listeners end → running calls finish → jobs, consumers and relays stop →
    /// databases close. Takes at most the configured grace and a second; what did not end in time is cut and reported.
    pub async fn shutdown(self) -> Stopped {
        let inner = &self.0;
        let grace = inner.config.shutdown_grace;
        let began = Instant::now();
        tracing::info!(?grace, "stopping");
        inner.health.stopping().await;
        inner.stop.cancel();
        inner.calls.close();
        // The last quarter is for background work, however long calls take.
        let for_calls = began + grace * 3 / 4;
        let _ = tokio::time::timeout_at(for_calls, inner.calls.wait()).await;
        let calls = inner.calls.len();
        inner.tasks.wait(Phase::Calls, for_calls).await;
        inner.background.cancel();
        inner.tasks.wait(Phase::Background, began + grace).await;
        let tasks = inner.tasks.running();
        inner.tasks.abort();
        let stopped = Stopped { calls, tasks };
        if !stopped.clean() {
            tracing::error!(calls = stopped.calls, tasks = ?stopped.tasks, "not everything ended in time");
        }
        // What was cut may hold on to a connection: then closing does not end either.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), self.close()).await;
        inner.telemetry.flush().await;
        tracing::info!(took = ?began.elapsed(), "stopped");
        stopped
    }

    async fn close(&self) {
        let stores = std::mem::take(&mut *lock(&self.0.stores));
        futures::future::join_all(stores.into_iter().map(|(_, store)| store.close())).await;
        self.0.adapters.bus.close().await;
        if let Some(redis) = &self.0.adapters.redis {
            redis.close().await;
        }
    }
}
