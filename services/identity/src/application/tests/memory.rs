//! The outside world in memory, with a journal of what was done to it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kvartal_contract::RateClass;
use kvartal_kernel::{Error, ManualClock, Page, PageRequest, Role, Timestamp, Uuid};
use kvartal_mesh::auth::Revoke;
use kvartal_mesh::rate::{Count, Hit, Limiter};
use tokio::sync::Notify;

use super::super::*;
use crate::domain::{
    Account, ClientId, Email, Event, KeyRing, MachineClient, NewPassword, PasswordHash, Purpose, Secret, Session,
    SessionId, TokenHash, User, UserId, no_such_user,
};

/// Everything in memory.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) users: Mutex<HashMap<UserId, User>>,
    pub(super) clients: Mutex<HashMap<ClientId, MachineClient>>,
    pub(super) keys: Mutex<KeyRing>,
    pub(super) events: Mutex<Vec<Event>>,
    pub(super) journal: Mutex<Vec<String>>,
    pub(super) refused: Mutex<HashSet<String>>,
    pub(super) revoke_fails: Mutex<bool>,
}

pub(super) const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

/// Identity on `memory`, and its clock.
pub(super) async fn identity(memory: &Arc<Memory>) -> (Identity, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let identity = Identity {
        users: memory.clone(),
        clients: memory.clone(),
        passwords: memory.clone(),
        signer: Signer::new(memory.clone(), MasterKey::new(&[1; 32]).unwrap(), clock.clone()),
        revoke: memory.clone(),
        limiter: memory.clone(),
        clock: clock.clone(),
        repeat: Notify::new(),
    };
    identity.signer.prepare().await.unwrap();
    (identity, clock)
}

impl Memory {
    pub(super) fn note(&self, what: impl Into<String>) {
        self.journal.lock().unwrap().push(what.into());
    }

    pub(super) fn take_journal(&self) -> Vec<String> {
        std::mem::take(&mut self.journal.lock().unwrap())
    }

    pub(super) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    fn account(&self, wanted: impl Fn(&Account) -> bool) -> Option<Account> {
        self.users.lock().unwrap().values().map(|user| &user.account).find(|account| wanted(account)).cloned()
    }

    fn all_sessions(&self) -> Vec<Session> {
        self.users.lock().unwrap().values().flat_map(|user| user.sessions.clone()).collect()
    }
}

fn last_page<T>(items: Vec<T>) -> Page<T> {
    Page { items, next: None }
}

#[async_trait]
impl Users for Memory {
    async fn find(&self, id: UserId) -> Result<Option<Account>, Error> {
        Ok(self.account(|account| account.id == id))
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<Account>, Error> {
        Ok(self.account(|account| account.email == *email))
    }

    async fn find_by_link(&self, purpose: Purpose, token: &TokenHash) -> Result<Option<Account>, Error> {
        Ok(self.account(|account| {
            let link = if purpose == Purpose::Reset { account.reset } else { account.confirmation };
            link.is_some_and(|link| link.hash == *token)
        }))
    }

    async fn page(&self, _: Option<Role>, _: &str, _: PageRequest) -> Result<Page<Account>, Error> {
        Ok(last_page(self.users.lock().unwrap().values().map(|user| user.account.clone()).collect()))
    }

    async fn sessions(&self, id: UserId) -> Result<Vec<Session>, Error> {
        Ok(self.all_sessions().into_iter().filter(|session| session.user == id && session.ended.is_none()).collect())
    }

    async fn find_session(&self, family: &TokenHash) -> Result<Option<(UserId, SessionId)>, Error> {
        let found =
            self.all_sessions().into_iter().find(|session| session.family == *family && session.ended.is_none());
        Ok(found.map(|session| (session.user, session.id)))
    }

    async fn owns_session(&self, id: UserId, session: SessionId) -> Result<bool, Error> {
        Ok(self.all_sessions().iter().any(|known| known.id == session && known.user == id))
    }

    async fn knows_device(&self, id: UserId, user_agent: &str) -> Result<bool, Error> {
        let mut own = self.all_sessions();
        own.retain(|session| session.user == id);
        Ok(own.is_empty() || own.iter().any(|session| session.device.user_agent == user_agent))
    }

    async fn register(&self, account: Account, events: Vec<Event>) -> Result<bool, Error> {
        if self.account(|known| known.email == account.email).is_some() {
            return Ok(false);
        }
        self.users.lock().unwrap().insert(account.id, User { account, sessions: Vec::new() });
        self.events.lock().unwrap().extend(events);
        Ok(true)
    }

    async fn change(&self, id: UserId, change: Change<User>) -> Result<Changed, Error> {
        let mut users = self.users.lock().unwrap();
        let mut user = users.get(&id).cloned().ok_or_else(no_such_user)?;
        let events = change(&mut user)?;
        users.insert(id, user.clone());
        self.events.lock().unwrap().extend(events.clone());
        self.note("commit");
        Ok(Changed { user, events })
    }

    async fn want_link(&self, purpose: Purpose, _: &Email) -> Result<(), Error> {
        self.note(format!("want {purpose:?}"));
        Ok(())
    }

    async fn ended_sessions(&self, request: PageRequest) -> Result<Page<EndedSession>, Error> {
        let after = request.after.unwrap().key;
        let ended = self.all_sessions().into_iter().filter_map(|session| {
            let at = session.ended?.at;
            (at.0 > after).then_some(EndedSession { id: session.id, at })
        });
        Ok(last_page(ended.collect()))
    }

    async fn changed_roles(&self, request: PageRequest) -> Result<Page<Account>, Error> {
        let after = request.after.unwrap().key;
        let changed = |account: &Account| account.generation > 1 && account.generation_at.0 > after;
        Ok(last_page(self.account(changed).into_iter().collect()))
    }

    async fn forget_sessions(&self, _: Timestamp) -> Result<u64, Error> {
        Ok(0)
    }
}

#[async_trait]
impl MachineClients for Memory {
    async fn find(&self, id: ClientId) -> Result<Option<MachineClient>, Error> {
        Ok(self.clients.lock().unwrap().get(&id).cloned())
    }

    async fn page(&self, _: PageRequest) -> Result<Page<MachineClient>, Error> {
        Ok(last_page(self.clients.lock().unwrap().values().cloned().collect()))
    }

    async fn create(&self, client: MachineClient, events: Vec<Event>) -> Result<(), Error> {
        self.clients.lock().unwrap().insert(client.id, client);
        self.events.lock().unwrap().extend(events);
        Ok(())
    }

    async fn delete(&self, id: ClientId, at: Timestamp, events: Vec<Event>) -> Result<(), Error> {
        if let Some(client) = self.clients.lock().unwrap().get_mut(&id) {
            client.deleted_at = Some(at);
        }
        self.events.lock().unwrap().extend(events);
        self.note("commit");
        Ok(())
    }

    async fn deleted(&self, _: PageRequest) -> Result<Page<DeletedClient>, Error> {
        let clients = self.clients.lock().unwrap();
        let deleted =
            clients.values().filter_map(|client| Some(DeletedClient { id: client.id, at: client.deleted_at? }));
        Ok(last_page(deleted.collect()))
    }
}

#[async_trait]
impl SigningKeys for Memory {
    async fn read(&self) -> Result<KeyRing, Error> {
        Ok(self.keys.lock().unwrap().clone())
    }

    async fn change(&self, change: KeyChange) -> Result<KeyRing, Error> {
        let mut ring = self.read().await?;
        change(&mut ring)?;
        *self.keys.lock().unwrap() = ring.clone();
        Ok(ring)
    }
}

#[async_trait]
impl Passwords for Memory {
    async fn hash(&self, password: &NewPassword) -> Result<PasswordHash, Error> {
        self.note("hash");
        Ok(PasswordHash::new(password.secret().expose()))
    }

    async fn verify(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<bool, Error> {
        self.note("verify");
        Ok(hash.is_some_and(|hash| hash.as_str() == password.expose()))
    }
}

#[async_trait]
impl Revoke for Memory {
    async fn revoke_session(&self, session: Uuid, _: Timestamp) -> Result<(), Error> {
        self.announce(format!("revoke session {session}"))
    }

    async fn revoke_before(&self, user: Uuid, generation: i64, _: Timestamp) -> Result<(), Error> {
        self.announce(format!("revoke {user} before {generation}"))
    }
}

impl Memory {
    fn announce(&self, what: String) -> Result<(), Error> {
        if *self.revoke_fails.lock().unwrap() {
            return Err(Error::unavailable("REDIS_UNAVAILABLE", "it is away"));
        }
        self.note(what);
        Ok(())
    }
}

#[async_trait]
impl Limiter for Memory {
    async fn take(&self, hits: &[Hit<'_>]) -> Result<Vec<Count>, Error> {
        let count = |hit: &Hit<'_>| {
            assert_eq!(hit.class, RateClass::Sensitive);
            self.note(hit.key);
            let refused = self.refused.lock().unwrap().iter().any(|refused| hit.key.starts_with(refused));
            Count { wait: std::time::Duration::from_secs(if refused { 6 } else { 0 }), ..Count::default() }
        };
        Ok(hits.iter().map(count).collect())
    }
}
