//! Events: a state change and its event are one transaction, and every consumer applies each event once.
//!
//! A service writes its events with [`outbox::append`] in the transaction of the change. The [`Relay`] publishes them to
//! a [`Bus`], which keeps them in one durable queue per consumer: [`LocalBus`] inside one process, [`RabbitBus`] between
//! processes. A [`Handler`] asks [`inbox::first_time`] in the transaction of its effect. Delivery is at least once and in
//! order for each subject; what a handler gives up waits among the dead letters until it is replayed.

mod backoff;
mod bus;
mod event;
pub mod inbox;
mod lanes;
mod local;
mod metrics;
pub mod outbox;
mod rabbit;
mod relay;
#[cfg(debug_assertions)]
pub mod sabotage;

pub use bus::{Bus, DeadLetter, Delivery, Handler};
pub use event::Event;
pub use local::LocalBus;
pub use rabbit::RabbitBus;
pub use relay::Relay;
