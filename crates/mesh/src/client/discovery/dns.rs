//! Endpoints from the DNS: every address of a name.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::client::address::Address;

/// How often the name is asked for: what cluster DNS servers keep answers for.
const INTERVAL: Duration = Duration::from_secs(5);
/// How soon it is asked for again after an endpoint could not be reached.
const INTERVAL_LOST: Duration = Duration::from_secs(1);

/// The addresses of a name, whenever they change. When the name cannot be resolved, what is known stays.
pub(super) fn follow(name: Address, lost: Arc<Notify>) -> impl Stream<Item = BTreeSet<Address>> + Send {
    follow_with(
        name,
        lost,
        |name| async move { Ok(tokio::net::lookup_host((name.host(), name.port())).await?.collect()) },
    )
}

fn follow_with<F>(
    name: Address,
    lost: Arc<Notify>,
    resolve: impl Fn(Address) -> F + Send,
) -> impl Stream<Item = BTreeSet<Address>> + Send
where
    F: Future<Output = io::Result<Vec<SocketAddr>>> + Send,
{
    async_stream::stream! {
        let mut known = None;
        loop {
            let asked = Instant::now();
            match resolve(name.clone()).await {
                Ok(found) => {
                    let found: BTreeSet<_> = found.into_iter().map(|at| Address::new(at.ip(), at.port())).collect();
                    if !found.is_empty() && known.as_ref() != Some(&found) {
                        known = Some(found.clone());
                        yield found;
                    }
                }
                Err(error) => tracing::debug!(%name, %error, "a name could not be resolved"),
            }
            tokio::select! {
                () = sleep_until(asked + INTERVAL) => {}
                () = async { lost.notified().await; sleep_until(asked + INTERVAL_LOST).await } => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
