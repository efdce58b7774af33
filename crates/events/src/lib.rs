//! Events: a state change and its event are one transaction, and every consumer applies each event once.

mod bus;
mod event;
pub mod inbox;
mod local;
pub mod outbox;
mod rabbit;
mod relay;

pub use bus::{Bus, DeadLetter, Handler};
pub use event::Event;
pub use local::LocalBus;
pub use rabbit::RabbitBus;
pub use relay::Relay;
