//! A bus over RabbitMQ.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::Error;
use tokio_util::sync::CancellationToken;

use crate::{Bus, DeadLetter, Event, Handler};

/// A bus over RabbitMQ.
#[derive(Clone)]
pub struct RabbitBus;

#[async_trait]
impl Bus for RabbitBus {
    async fn declare(&self, _queue: &str, _kinds: &[String]) -> Result<(), Error> {
        Err(Error::internal("not yet"))
    }

    async fn consume(&self, _queue: &str, _handler: Arc<dyn Handler>, _stop: CancellationToken) -> Result<(), Error> {
        Err(Error::internal("not yet"))
    }

    async fn publish(&self, _events: &[Event]) -> Result<(), Error> {
        Err(Error::internal("not yet"))
    }

    async fn ping(&self) -> Result<(), Error> {
        Err(Error::internal("not yet"))
    }

    async fn dead_letters(&self, _queue: &str) -> Result<Vec<DeadLetter>, Error> {
        Err(Error::internal("not yet"))
    }

    async fn replay(&self, _queue: &str) -> Result<u64, Error> {
        Err(Error::internal("not yet"))
    }
}

impl RabbitBus {
    /// Connects to `amqp://user:password@host:port/vhost`.
    pub async fn connect(url: &str) -> Result<RabbitBus, Error> {
        Err(Error::internal(format!("not yet: {}", url.len())))
    }

    /// Closes the connections.
    pub async fn close(self) {}
}
