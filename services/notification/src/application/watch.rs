//! The live inbox: one query for all watched inboxes of the process wakes the streams whose inbox changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::Stream;
use futures::future::BoxFuture;
use kvartal_kernel::Error;
use tokio::sync::watch;

use super::{Inboxes, Notifier, Shown};
use crate::domain::{InboxState, Locale, UserId};

/// A stream says something at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Notifications read at a time.
const BATCH: u64 = 50;
/// Inboxes asked about in one query.
const USERS_MAX: usize = 500;
/// Several commits in a row cause one query.
const SETTLE: Duration = Duration::from_millis(20);

/// The inboxes that are watched in this process.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<HashMap<UserId, watch::Sender<InboxState>>>);

impl Watchers {
    fn watch(&self, user: UserId) -> watch::Receiver<InboxState> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.entry(user).or_insert_with(|| watch::channel(InboxState::default()).0).subscribe()
    }

    /// Those whom somebody watches; the others are forgotten.
    fn users(&self) -> Vec<UserId> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn tell(&self, user: UserId, state: InboxState) {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&user) {
            sender.send_if_modified(|known| std::mem::replace(known, state) != state);
        }
    }

    /// Tells watchers about changes until `stop`. `committed` wakes it for changes of this process, `poll` finds those of
    /// other replicas.
    pub(crate) async fn follow(
        self: Arc<Self>,
        inboxes: Arc<dyn Inboxes>,
        mut committed: watch::Receiver<u64>,
        poll: Duration,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        let mut healthy = true;
        loop {
            tokio::select! {
                () = &mut stop => return,
                Ok(()) = committed.changed() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(poll) => {}
            }
            committed.mark_unchanged();
            match self.look(&*inboxes).await {
                Ok(()) => healthy = true,
                Err(error) => {
                    if healthy {
                        tracing::warn!(error = error.chain(), "watched inboxes cannot be read");
                    }
                    healthy = false;
                }
            }
        }
    }

    async fn look(&self, inboxes: &dyn Inboxes) -> Result<(), Error> {
        for users in self.users().chunks(USERS_MAX) {
            for (user, state) in inboxes.states(users).await? {
                self.tell(user, state);
            }
        }
        Ok(())
    }
}

/// What a stream says.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// What arrived; `None` when only the count changed or nothing happened for a while.
    pub(crate) shown: Option<Shown>,
    /// How many are unread in all.
    pub(crate) unread: u32,
    /// Place in the inbox up to which everything was said.
    pub(crate) sequence: i64,
}

struct Watch {
    notifier: Notifier,
    user: UserId,
    locale: Locale,
    changes: watch::Receiver<InboxState>,
    sequence: i64,
    unread: u32,
    waiting: std::vec::IntoIter<Shown>,
    first: bool,
}

impl Notifier {
    /// The inbox as it fills, after a place; `None` for what arrives from now on. The first item says how it stands.
    pub(crate) async fn watch(
        &self,
        user: UserId,
        after: Option<i64>,
    ) -> Result<impl Stream<Item = Result<Arrival, Error>> + Send + use<>, Error> {
        let changes = self.watchers.watch(user);
        let states = self.ports.inboxes.states(&[user]).await?;
        let state = states.first().map(|(_, state)| *state).unwrap_or_default();
        let locale = self.ports.contacts.locale(user).await;
        let watch = Watch {
            notifier: self.clone(),
            user,
            locale,
            changes,
            sequence: after.unwrap_or(state.last_sequence),
            unread: state.unread,
            waiting: Vec::new().into_iter(),
            first: true,
        };
        Ok(futures::stream::unfold(Some(watch), |watch| -> BoxFuture<'static, _> {
            Box::pin(async move {
                let mut watch = watch?;
                match watch.next().await {
                    Ok(arrival) => Some((Ok(arrival), Some(watch))),
                    Err(error) => Some((Err(error), None)),
                }
            })
        }))
    }
}

impl Watch {
    async fn next(&mut self) -> Result<Arrival, Error> {
        if std::mem::take(&mut self.first) {
            return Ok(self.arrival(None));
        }
        loop {
            if let Some(shown) = self.waiting.next() {
                self.sequence = shown.notification.sequence;
                return Ok(self.arrival(Some(shown)));
            }
            // Marked as seen before reading: a change that comes while reading wakes the next wait.
            self.changes.borrow_and_update();
            // Counted before reading, so that no count tells of a notification before it comes itself.
            let unread = self.notifier.unread(self.user).await?;
            let arrived = self.notifier.ports.inboxes.after(self.user, self.sequence, BATCH).await?;
            let recounted = std::mem::replace(&mut self.unread, unread) != unread;
            if !arrived.is_empty() {
                self.unread = self.notifier.unread(self.user).await?;
                let shown = arrived.into_iter().map(|n| self.notifier.shown(n, self.locale));
                self.waiting = shown.collect::<Result<Vec<_>, _>>()?.into_iter();
            } else if recounted || !self.changed().await {
                return Ok(self.arrival(None));
            }
        }
    }

    /// Waits for a change of the inbox; false when nothing happened for a while.
    async fn changed(&mut self) -> bool {
        matches!(tokio::time::timeout(HEARTBEAT, self.changes.changed()).await, Ok(Ok(())))
    }

    fn arrival(&self, shown: Option<Shown>) -> Arrival {
        Arrival { shown, unread: self.unread, sequence: self.sequence }
    }
}
