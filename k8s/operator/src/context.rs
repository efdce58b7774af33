//! What every look at an object needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder};
use kvartal_kernel::{Clock, Timestamp};

use crate::drift;
use crate::helm::Helm;
use crate::metrics::Metrics;
use crate::values::Defaults;

/// The name under which the operator writes fields and events.
pub const MANAGER: &str = "kvartal-operator";

/// What every look at an object needs.
pub struct Context {
    /// The cluster.
    pub client: Client,
    /// Helm.
    pub helm: Helm,
    /// What every database gets.
    pub defaults: Defaults,
    /// Tells people.
    pub events: Recorder,
    /// Tells Prometheus.
    pub metrics: Metrics,
    /// Who we are, among several operators.
    pub identity: String,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where servers answer instead of at their names: `host:port`, with `{database}` in it. For an operator outside the cluster.
    pub database_address: Option<String>,
    /// An object is looked at this often though nothing has changed.
    pub resync: Duration,
    /// What was found to be as Helm made it.
    pub drift: drift::Seen,
    memory: Mutex<HashMap<String, Memory>>,
}

/// What is remembered of an object. All of it can be forgotten.
#[derive(Clone, Default)]
struct Memory {
    /// User and pod for which roles and database were made.
    provisioned: Option<String>,
    /// Failures in a row.
    failures: u32,
    /// After a failure: until when it is left alone, and which generation failed.
    rests: Option<(Timestamp, Option<i64>)>,
}

/// The longest wait after a failure.
const LONGEST: u64 = 60;

impl Context {
    /// A new one.
    pub fn new(
        client: Client,
        helm: Helm,
        defaults: Defaults,
        events: Recorder,
        metrics: Metrics,
        identity: String,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let resync = Duration::from_secs(600);
        let (drift, memory) = (drift::Seen::default(), Mutex::default());
        Self { client, helm, defaults, events, metrics, identity, clock, database_address: None, resync, drift, memory }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An event at an object. It is told once more when it fails; then only the log has it.
    pub(crate) async fn tell(&self, object: &crate::api::ServiceDatabase, warning: bool, reason: &str, note: &str) {
        let reference = kube::Resource::object_ref(object, &());
        let type_ = if warning { EventType::Warning } else { EventType::Normal };
        let note: String = note.chars().take(1000).collect();
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.events.publish(&event, &reference).await {
            tracing::warn!(%error, reason, "an event could not be told");
        }
    }

    pub(crate) fn is_provisioned(&self, uid: &str, key: &str) -> bool {
        self.memory(uid, |memory| memory.provisioned.as_deref() == Some(key))
    }

    pub(crate) fn provisioned(&self, uid: &str, key: String) {
        self.memory(uid, |memory| memory.provisioned = Some(key));
    }

    /// Another failure; how long to wait after it: one second, two, four, … one minute.
    pub(crate) fn failed(&self, uid: &str, generation: Option<i64>) -> Duration {
        self.memory(uid, |memory| {
            let wait = Duration::from_secs(2_u64.saturating_pow(memory.failures).min(LONGEST));
            memory.failures = memory.failures.saturating_add(1);
            memory.rests = Some((self.now().plus(wait), generation));
            wait
        })
    }

    /// What is left of the wait after a failure. What people change since then is looked at at once.
    pub(crate) fn rests(&self, uid: &str, generation: Option<i64>) -> Option<Duration> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, failed) = memory.get(uid)?.rests?;
        let left = until.since(self.now());
        (failed == generation && !left.is_zero()).then_some(left)
    }

    pub(crate) fn succeeded(&self, uid: &str) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        // Not made for this: the object may be gone, and nobody would forget it again.
        if let Some(memory) = memory.get_mut(uid) {
            (memory.failures, memory.rests) = (0, None);
        }
    }

    pub(crate) fn forget(&self, uid: &str) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn memory<T>(&self, uid: &str, read: impl FnOnce(&mut Memory) -> T) -> T {
        read(self.memory.lock().unwrap_or_else(PoisonError::into_inner).entry(uid.to_owned()).or_default())
    }
}
