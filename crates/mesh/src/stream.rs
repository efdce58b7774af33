//! Server streams: bounded, resumable, with heartbeats.
//!
//! A handler makes a stream of [`Item`]s, either from a [`Feed`] in memory or with [`follow`] from something durable, and
//! answers with [`reply`]. What ends streams from outside (their deadline, shutdown, revocation of the session) is the
//! server stack's business; so is the client's going away.

mod feed;
mod follow;

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kvartal_kernel::{Error, Kind};
use tonic::Status;

use crate::to_status;

pub use feed::{Feed, Subscription};
pub use follow::{Batch, follow};

/// The longest silence of a stream: proxies cut what is silent for longer.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a stream yields. The token of either leads back here: the client sends it to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item<T> {
    /// Something happened.
    Event {
        /// What.
        value: T,
        /// Resume token.
        token: String,
    },
    /// Nothing happened for [`HEARTBEAT`].
    Heartbeat {
        /// Resume token.
        token: String,
    },
}

/// A stream as generated servers want it.
pub type Reply<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Turns items into messages and errors into statuses.
pub fn reply<S, T, R>(stream: S, mut message: impl FnMut(Item<T>) -> R + Send + 'static) -> Reply<R>
where
    S: Stream<Item = Result<Item<T>, Error>> + Send + 'static,
{
    Box::pin(stream.map(move |item| item.map(&mut message).map_err(to_status)))
}

/// The answer to a token that leads nowhere any more: read the list again and watch from there.
pub fn token_expired() -> Error {
    Error::new(
        Kind::FailedPrecondition,
        "RESUME_TOKEN_EXPIRED",
        "too much has happened since; read the list again and watch without a token",
    )
}
