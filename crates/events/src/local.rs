//! A bus inside the process, with durable queues in a SQLite file.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::Error;
use tokio_util::sync::CancellationToken;

use crate::{Bus, DeadLetter, Event, Handler};

/// A bus inside the process, with durable queues in a SQLite file.
#[derive(Clone)]
pub struct LocalBus;

#[async_trait]
impl Bus for LocalBus {
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

impl LocalBus {
    /// Opens the bus kept in this SQLite file; `None` keeps it in a temporary file that goes away with the bus.
    pub async fn open(path: Option<&std::path::Path>) -> Result<LocalBus, Error> {
        Err(Error::internal(format!("not yet: {path:?}")))
    }

    /// Closes the file.
    pub async fn close(self) {}
}
