//! Tasks the process knows by name and waits for when it stops.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::health::Health;

/// When a task is told to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// First: it takes or serves calls.
    Calls,
    /// Once no call runs: jobs, consumers, relays.
    Background,
}

struct Running {
    name: &'static str,
    phase: Phase,
    abort: Option<AbortHandle>,
}

/// The running tasks of one runtime. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tasks {
    running: Arc<Mutex<BTreeMap<u64, Running>>>,
    started: Arc<AtomicU64>,
    ended: Arc<watch::Sender<u64>>,
    health: Health,
}

impl Tasks {
    pub(crate) fn new(health: Health) -> Self {
        Self { running: Arc::default(), started: Arc::default(), ended: Arc::new(watch::Sender::new(0)), health }
    }

    /// Starts a task. When it panics, that is logged and the process is no longer ready.
    pub(crate) fn spawn(&self, name: &'static str, phase: Phase, future: impl Future<Output = ()> + Send + 'static) {
        let id = self.started.fetch_add(1, Ordering::Relaxed);
        self.table().insert(id, Running { name, phase, abort: None });
        let end = End { tasks: self.clone(), id };
        let task = async move {
            let end = end;
            if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task panicked");
                end.tasks.health.task_failed(name);
            }
        };
        #[expect(clippy::disallowed_methods, reason = "this is where every other task is started and waited for")]
        let handle = tokio::spawn(task);
        if let Some(running) = self.table().get_mut(&id) {
            running.abort = Some(handle.abort_handle());
        }
    }

    /// Waits until the phase's tasks have ended, or the deadline has come.
    pub(crate) async fn wait(&self, phase: Phase, deadline: Instant) {
        let mut ended = self.ended.subscribe();
        loop {
            ended.mark_unchanged();
            let idle = !self.table().values().any(|running| running.phase == phase);
            if idle || tokio::time::timeout_at(deadline, ended.changed()).await.is_err() {
                return;
            }
        }
    }

    /// The names of the tasks that have not ended.
    pub(crate) fn running(&self) -> Vec<&'static str> {
        self.table().values().map(|running| running.name).collect()
    }

    /// Ends what did not end by itself.
    pub(crate) fn abort(&self) {
        for running in self.table().values() {
            if let Some(abort) = &running.abort {
                abort.abort();
            }
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Strikes the task off the list, also when it was aborted.
struct End {
    tasks: Tasks,
    id: u64,
}

impl Drop for End {
    fn drop(&mut self) {
        self.tasks.table().remove(&self.id);
        self.tasks.ended.send_modify(|count| *count += 1);
    }
}
