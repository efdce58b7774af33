//! What carries events between services, and what handles them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::Error;
use tokio_util::sync::CancellationToken;

use crate::Event;

/// The reason of errors of a bus that cannot be used now.
pub(crate) const BUS_UNAVAILABLE: &str = "BUS_UNAVAILABLE";

/// Carries events: one durable queue per consumer, at least once, in order for each subject.
#[async_trait]
pub trait Bus: Send + Sync {
    /// What it is called in traces: `messaging.system`.
    fn system(&self) -> &'static str;

    /// Makes the durable queue and binds it to these kinds of events; do this for every consumer before anything is
    /// published. From then on the queue keeps these events also while its consumer is away.
    async fn declare(&self, queue: &str, kinds: &[String]) -> Result<(), Error>;

    /// Hands the queue's events to the handler until `stop`, reconnecting by itself; `declare` comes first. Only kinds
    /// of the last `declare` are handed over. Of several consumers of one queue, one is served at a time: the next
    /// takes over when it ends. Errors are programming errors; whatever is temporary is waited for.
    async fn consume(&self, queue: &str, handler: Arc<dyn Handler>, stop: CancellationToken) -> Result<(), Error>;

    /// Publishes in this order; when it returns Ok, every event is durable in every bound queue. After an error some
    /// may be: publish all of them again, consumers apply each event once.
    async fn publish(&self, events: &[Event]) -> Result<(), Error>;

    /// Asks the bus for an answer.
    async fn ping(&self) -> Result<(), Error>;

    /// Events the queue's handler gave up, oldest first, at most 100.
    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>, Error>;

    /// Puts the queue's dead letters back at the end of the queue; returns how many.
    async fn replay(&self, queue: &str) -> Result<u64, Error>;
}

/// What a consumer does with an event.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Applies the event; an event may come more than once, see [`crate::inbox::first_time`]. After an error it comes
    /// again, up to the delivery limit; `InvalidArgument` and `FailedPrecondition` are final at once.
    async fn handle(&self, event: &Event) -> Result<(), Error>;
}

/// An event that could not be handled.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The event.
    pub event: Event,
    /// Why it was given up; for people.
    pub reason: String,
    /// How often it was delivered.
    pub deliveries: u32,
}

/// How a bus delivers.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Deliveries of one event before it becomes a dead letter.
    pub limit: u32,
    /// Pause before the second delivery; doubles from one to the next.
    pub first_pause: Duration,
    /// The longest pause between two deliveries.
    pub longest_pause: Duration,
    /// Events of different subjects handled at the same time.
    pub lanes: usize,
    /// Events taken from a queue and not yet handled.
    pub prefetch: u16,
}

impl Default for Delivery {
    /// Twenty deliveries within twelve minutes; eight lanes; 64 events on the way.
    fn default() -> Self {
        Self {
            limit: 20,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(60),
            lanes: 8,
            prefetch: 64,
        }
    }
}
