//! Server streams: bounded, resumable, with heartbeats.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use kvartal_kernel::Error;

/// What a subscription yields. The token of either leads back here: the client sends it to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item<T> {
    /// Something happened.
    Event {
        /// What.
        value: T,
        /// Resume token.
        token: String,
    },
    /// Nothing happened for a while.
    Heartbeat {
        /// Resume token.
        token: String,
    },
}

/// A live feed within one process: what is published reaches every subscription.
pub struct Feed<T>(Arc<std::marker::PhantomData<T>>);

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Feed<T> {
    /// Remembers the last `capacity` events for those who resume or are slow.
    pub fn new(capacity: usize) -> Self {
        let _ = capacity;
        Self(Arc::default())
    }

    /// Publishes an event.
    pub fn publish(&self, value: T) {
        let _ = value;
    }

    /// Subscribes to what `wanted` lets pass, from now on or after a resume token.
    pub fn subscribe(
        &self,
        resume_token: &str,
        wanted: impl FnMut(&T) -> bool + Send + 'static,
    ) -> Result<Subscription<T>, Error> {
        let _ = (resume_token, wanted);
        Err(Error::internal("to come"))
    }
}

/// A subscription to a [`Feed`].
pub struct Subscription<T>(std::marker::PhantomData<T>);

impl<T> Stream for Subscription<T> {
    type Item = Result<Item<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}
