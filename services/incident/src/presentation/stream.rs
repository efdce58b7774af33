//! A stream of changes as the mesh wants it: with tokens and heartbeats.

use std::collections::VecDeque;

use futures::Stream;
use futures::stream::unfold;
use kvartal_kernel::Error;
use kvartal_mesh::stream::{HEARTBEAT, Item};
use tokio::time::{Instant, timeout_at};

use crate::application::watch::{Update, Watch};

/// What a stream keeps between two items.
struct State<T, F> {
    watch: Watch,
    select: F,
    waiting: VecDeque<Item<T>>,
    ended: bool,
}

/// Streams what `select` makes of each update. The first item is a heartbeat: its token says where the stream begins,
/// so that a client which then reads the list misses nothing in between.
pub(super) fn stream<T, F>(watch: Watch, select: F) -> impl Stream<Item = Result<Item<T>, Error>> + Send
where
    T: Send + 'static,
    F: FnMut(Update) -> Option<T> + Send + 'static,
{
    let waiting = VecDeque::from([Item::Heartbeat { token: watch.token() }]);
    unfold(State { watch, select, waiting, ended: false }, |mut state| async move {
        if state.ended {
            return None;
        }
        let quiet = Instant::now() + HEARTBEAT;
        loop {
            if let Some(item) = state.waiting.pop_front() {
                return Some((Ok(item), state));
            }
            match timeout_at(quiet, state.watch.next()).await {
                Err(_) => state.waiting.push_back(Item::Heartbeat { token: state.watch.token() }),
                Ok(Err(error)) => {
                    state.ended = true;
                    return Some((Err(error), state));
                }
                Ok(Ok(updates)) => {
                    for update in updates {
                        let token = state.watch.token_at(update.position);
                        state.waiting.extend((state.select)(update).map(|value| Item::Event { value, token }));
                    }
                }
            }
        }
    })
}
