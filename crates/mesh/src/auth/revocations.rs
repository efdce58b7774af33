//! Revoked sessions and generations.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Kind, Timestamp};
use uuid::Uuid;

/// Asked on every call, so it answers from memory.
pub trait Revocations: Send + Sync {
    /// UNAUTHENTICATED when the session, or the user's generation of it, is revoked; UNAVAILABLE when the list is too old
    /// to tell. Machine clients have the nil session.
    fn check(&self, session: Uuid, user: Uuid, generation: i64) -> Result<(), Error>;
}

/// Takes revocations in; effective everywhere within a second.
#[async_trait]
pub trait Revoke: Send + Sync {
    /// Revokes a session. Kept at least until `until`: the end of the last access token or stream that may know it.
    async fn revoke_session(&self, session: Uuid, until: Timestamp) -> Result<(), Error>;

    /// Revokes everything of the user that is older than `generation`. Kept at least until `until`.
    async fn revoke_before(&self, user: Uuid, generation: i64, until: Timestamp) -> Result<(), Error>;
}

/// The answer to whoever comes with something revoked, for implementations of [`Revocations`].
pub fn revoked() -> Error {
    Error::new(Kind::Unauthenticated, "SESSION_REVOKED", "the session has ended; sign in again")
}

/// The list within one process.
pub struct LocalRevocations {
    clock: Arc<dyn Clock>,
    lists: RwLock<Lists>,
}

#[derive(Default)]
struct Lists {
    sessions: HashMap<Uuid, Timestamp>,
    users: HashMap<Uuid, (i64, Timestamp)>,
    /// Entries that are past their time are dropped when the lists have grown to this.
    prune_at: usize,
}

/// Below this many entries nothing is dropped.
const PRUNE_MIN: usize = 1_024;

impl Lists {
    fn prune(&mut self, now: Timestamp) {
        if self.sessions.len() + self.users.len() < self.prune_at.max(PRUNE_MIN) {
            return;
        }
        self.sessions.retain(|_, until| *until > now);
        self.users.retain(|_, (_, until)| *until > now);
        self.prune_at = 2 * (self.sessions.len() + self.users.len());
    }
}

impl LocalRevocations {
    /// An empty list.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, lists: RwLock::default() }
    }
}

impl Revocations for LocalRevocations {
    fn check(&self, session: Uuid, user: Uuid, generation: i64) -> Result<(), Error> {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let by_session = lists.sessions.contains_key(&session);
        let by_generation = lists.users.get(&user).is_some_and(|(valid_from, _)| generation < *valid_from);
        if by_session || by_generation { Err(revoked()) } else { Ok(()) }
    }
}

#[async_trait]
impl Revoke for LocalRevocations {
    async fn revoke_session(&self, session: Uuid, until: Timestamp) -> Result<(), Error> {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        lists.prune(self.clock.now());
        let kept = lists.sessions.entry(session).or_insert(until);
        *kept = until.max(*kept);
        Ok(())
    }

    async fn revoke_before(&self, user: Uuid, generation: i64, until: Timestamp) -> Result<(), Error> {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        lists.prune(self.clock.now());
        let kept = lists.users.entry(user).or_insert((generation, until));
        *kept = (generation.max(kept.0), until.max(kept.1));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
