//! A live feed within one process.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::Stream;
use kvartal_kernel::Error;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_stream::wrappers::WatchStream;
use uuid::Uuid;

use super::{HEARTBEAT, Item, token_expired};

/// Events that a subscription takes out of the feed at once.
const BATCH: usize = 64;

/// What is published reaches every subscription. All subscriptions share one memory of the last events, so its size does
/// not depend on how many there are or how slow they are: whoever falls further behind is told to start again.
pub struct Feed<T>(Arc<Shared<T>>);

struct Shared<T> {
    /// Tells the tokens of this feed from those of another process or of the time before a restart.
    epoch: u64,
    capacity: usize,
    events: Mutex<Events<T>>,
    changed: watch::Sender<()>,
}

struct Events<T> {
    kept: VecDeque<Arc<T>>,
    /// Number of the next event.
    next: u64,
}

impl<T> Events<T> {
    fn oldest(&self) -> u64 {
        self.next - self.kept.len() as u64
    }
}

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Feed<T> {
    /// Remembers the last `capacity` events for those who resume or are slow.
    pub fn new(capacity: usize) -> Self {
        let events = Events { kept: VecDeque::new(), next: 0 };
        let (epoch, _) = Uuid::new_v4().as_u64_pair();
        Self(Arc::new(Shared {
            epoch,
            capacity: capacity.max(1),
            events: Mutex::new(events),
            changed: watch::Sender::new(()),
        }))
    }

    /// Publishes an event. Never waits for subscribers.
    pub fn publish(&self, value: T) {
        let mut events = self.0.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.kept.len() == self.0.capacity {
            events.kept.pop_front();
        }
        events.kept.push_back(Arc::new(value));
        events.next += 1;
        drop(events);
        self.0.changed.send_replace(());
    }

    /// Subscribes to what `wanted` lets pass: after a resume token, or from now on when it is empty.
    pub fn subscribe(
        &self,
        resume_token: &str,
        wanted: impl FnMut(&T) -> bool + Send + 'static,
    ) -> Result<Subscription<T>, Error> {
        let changed = WatchStream::from_changes(self.0.changed.subscribe());
        let (oldest, newest) = {
            let events = self.0.events.lock().unwrap_or_else(PoisonError::into_inner);
            (events.oldest(), events.next)
        };
        let next = if resume_token.is_empty() { newest } else { self.0.decode(resume_token)? };
        if !(oldest..=newest).contains(&next) {
            return Err(token_expired());
        }
        Ok(Subscription {
            feed: Arc::clone(&self.0),
            wanted: Box::new(wanted),
            changed,
            taken: VecDeque::new(),
            next,
            heartbeat: Box::pin(sleep_until(Instant::now() + HEARTBEAT)),
        })
    }
}

impl<T> Shared<T> {
    fn encode(&self, next: u64) -> String {
        format!("{:016x}{next:x}", self.epoch)
    }

    fn decode(&self, token: &str) -> Result<u64, Error> {
        let (epoch, next) = token.split_at_checked(16).ok_or_else(token_expired)?;
        if u64::from_str_radix(epoch, 16) != Ok(self.epoch) {
            return Err(token_expired());
        }
        u64::from_str_radix(next, 16).map_err(|_| token_expired())
    }
}

/// A subscription to a [`Feed`].
pub struct Subscription<T> {
    feed: Arc<Shared<T>>,
    wanted: Box<dyn FnMut(&T) -> bool + Send>,
    changed: WatchStream<()>,
    /// Events taken out of the feed and not yet looked at.
    taken: VecDeque<Arc<T>>,
    /// Number of the next event to look at.
    next: u64,
    heartbeat: Pin<Box<Sleep>>,
}

impl<T> Subscription<T> {
    /// The resume token of this moment.
    pub fn token(&self) -> String {
        self.feed.encode(self.next)
    }

    fn take(&mut self) -> Result<(), Error> {
        let events = self.feed.events.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = self.next.checked_sub(events.oldest()).ok_or_else(token_expired)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.taken.extend(events.kept.iter().skip(skip).take(BATCH).cloned());
        Ok(())
    }
}

impl<T: Clone> Stream for Subscription<T> {
    type Item = Result<Item<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            while let Some(event) = this.taken.pop_front() {
                this.next += 1;
                if (this.wanted)(&event) {
                    this.heartbeat.as_mut().reset(Instant::now() + HEARTBEAT);
                    return Poll::Ready(Some(Ok(Item::Event { value: T::clone(&event), token: this.token() })));
                }
            }
            // Ask for changes first: what is published between taking and asking would else be overlooked.
            let changed = Pin::new(&mut this.changed).poll_next(cx);
            if let Err(error) = this.take() {
                return Poll::Ready(Some(Err(error)));
            }
            if !this.taken.is_empty() {
                continue;
            }
            match changed {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    ready!(this.heartbeat.as_mut().poll(cx));
                    this.heartbeat.as_mut().reset(Instant::now() + HEARTBEAT);
                    return Poll::Ready(Some(Ok(Item::Heartbeat { token: this.token() })));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
