//! A stream over something durable.

use std::future::Future;
use std::time::Duration;

use futures::Stream;
use kvartal_kernel::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{HEARTBEAT, Item};

/// How often the source is asked when nothing wakes the stream: changes may come from another process.
const POLL: Duration = Duration::from_secs(1);

/// What a source has after a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch<T> {
    /// Events in order, each with the token that leads on after it. Bounded by the source.
    pub items: Vec<(T, String)>,
    /// The token that leads on after all that was looked at, also when nothing of it was wanted.
    pub token: String,
}

/// Follows a durable source, such as a table with a change number: `after` reads what comes after a token. It is asked
/// whenever `wake` changes (a store's count of commits) and at least once a second, so a stream sees what other processes
/// write, and its tokens outlive a restart. An error of the source ends the stream.
pub fn follow<T, F, R>(
    token: String,
    mut wake: watch::Receiver<u64>,
    mut after: F,
) -> impl Stream<Item = Result<Item<T>, Error>> + Send
where
    T: Send,
    F: FnMut(String) -> R + Send,
    R: Future<Output = Result<Batch<T>, Error>> + Send,
{
    async_stream::try_stream! {
        let mut token = token;
        let mut quiet_until = Instant::now() + HEARTBEAT;
        let mut awake = true;
        loop {
            wake.mark_unchanged();
            let batch = after(token.clone()).await?;
            let moved = !batch.items.is_empty() || batch.token != token;
            for (value, at) in batch.items {
                quiet_until = Instant::now() + HEARTBEAT;
                yield Item::Event { value, token: at };
            }
            token = batch.token;
            if Instant::now() >= quiet_until {
                quiet_until = Instant::now() + HEARTBEAT;
                yield Item::Heartbeat { token: token.clone() };
            }
            if moved {
                continue;
            }
            let poll_at = Instant::now() + POLL;
            tokio::select! {
                // Without a sender nothing wakes the stream any more; it polls on.
                changed = wake.changed(), if awake => awake = changed.is_ok(),
                () = sleep_until(poll_at.min(quiet_until)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
