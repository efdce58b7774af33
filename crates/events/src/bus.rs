//! What carries events between services.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::Error;
use tokio_util::sync::CancellationToken;

use crate::Event;

/// What carries events: durable queues, at least once, in order for each subject.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Makes the durable queue and binds it to these kinds of events (exactly these from now on). Events published before are not delivered.
    async fn declare(&self, queue: &str, kinds: &[String]) -> Result<(), Error>;

    /// Hands the queue's events to the handler until `stop`; reconnects by itself. The queue must have been declared.
    async fn consume(&self, queue: &str, handler: Arc<dyn Handler>, stop: CancellationToken) -> Result<(), Error>;

    /// Publishes; when it returns Ok, every event is durable in every bound queue.
    async fn publish(&self, events: &[Event]) -> Result<(), Error>;

    /// Asks the bus for an answer.
    async fn ping(&self) -> Result<(), Error>;

    /// Events the queue's handler gave up, oldest first, at most 100.
    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>, Error>;

    /// Puts the queue's dead letters back into the queue; returns how many.
    async fn replay(&self, queue: &str) -> Result<u64, Error>;
}

/// What a consumer does with an event.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Applies the event. An error makes it come again, until the delivery limit.
    async fn handle(&self, event: &Event) -> Result<(), Error>;
}

/// An event that could not be handled.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The event.
    pub event: Event,
    /// Why the handler gave it up; for people.
    pub reason: String,
    /// How often it was delivered.
    pub deliveries: u32,
}
