//! What the use cases need from the outside world.

use async_trait::async_trait;
use kvartal_kernel::{Error, Page, PageRequest, Role, Timestamp};

use crate::domain::{
    Account, ClientId, Email, Event, KeyRing, MachineClient, NewPassword, PasswordHash, Purpose, Secret, Session,
    SessionId, TokenHash, User, UserId,
};

/// A pure change of an aggregate: it sees the state as it is while nobody else can change it, and returns what happened.
/// An error leaves everything as it was.
pub type Change<A> = Box<dyn FnOnce(&mut A) -> Result<Vec<Event>, Error> + Send>;

/// A pure change of the key ring.
pub type KeyChange = Box<dyn FnOnce(&mut KeyRing) -> Result<(), Error> + Send>;

/// What a change led to.
pub struct Changed {
    /// The user after it.
    pub user: User,
    /// What happened, as stored for publication.
    pub events: Vec<Event>,
}

/// A session that was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndedSession {
    /// Which.
    pub id: SessionId,
    /// When.
    pub at: Timestamp,
}

/// A machine client that was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeletedClient {
    /// Which.
    pub id: ClientId,
    /// When.
    pub at: Timestamp,
}

/// Where users live: accounts with their sessions.
#[async_trait]
pub trait Users: Send + Sync {
    /// One account.
    async fn find(&self, id: UserId) -> Result<Option<Account>, Error>;

    /// The account with this address.
    async fn find_by_email(&self, email: &Email) -> Result<Option<Account>, Error>;

    /// The account whose newest link of this purpose has the token; whether it has expired is not looked at.
    async fn find_by_link(&self, purpose: Purpose, token: &TokenHash) -> Result<Option<Account>, Error>;

    /// A page of accounts, newest first; with a role, only those who hold it; with a query, only those whose name or
    /// address has it, whatever the case of its letters.
    async fn page(&self, role: Option<Role>, query: &str, request: PageRequest) -> Result<Page<Account>, Error>;

    /// The sessions of a user that nobody has ended, newest first; some may have expired.
    async fn sessions(&self, id: UserId) -> Result<Vec<Session>, Error>;

    /// The session that a refresh token belongs to, unless somebody has ended it.
    async fn find_session(&self, family: &TokenHash) -> Result<Option<(UserId, SessionId)>, Error>;

    /// Whether the session is or was the user's.
    async fn owns_session(&self, id: UserId, session: SessionId) -> Result<bool, Error>;

    /// Whether the user has signed in from such a browser before, or never from any.
    async fn knows_device(&self, id: UserId, user_agent: &str) -> Result<bool, Error>;

    /// Stores a new account with its events; `false` when the address is taken, and nothing is stored.
    async fn register(&self, account: Account, events: Vec<Event>) -> Result<bool, Error>;

    /// Changes one user and stores the events, all in one transaction that no other change of this user overlaps.
    /// Refuses with `USER_NOT_FOUND`, and with `LAST_ADMIN` a change that would leave no administrator.
    async fn change(&self, id: UserId, change: Change<User>) -> Result<Changed, Error>;

    /// Remembers durably that a link is wanted for an address, whether or not it has an account: so the time the answer
    /// takes does not tell. [`super::Identity::send_link`] follows.
    async fn want_link(&self, purpose: Purpose, email: &Email) -> Result<(), Error>;

    /// A page of the sessions that were ended, earliest first.
    async fn ended_sessions(&self, request: PageRequest) -> Result<Page<EndedSession>, Error>;

    /// A page of the accounts whose roles have ever changed, earliest change first.
    async fn changed_roles(&self, request: PageRequest) -> Result<Page<Account>, Error>;

    /// Deletes sessions that were ended or expired before `before`, a bounded number; tells how many.
    async fn forget_sessions(&self, before: Timestamp) -> Result<u64, Error>;
}

/// Where machine clients live.
#[async_trait]
pub trait MachineClients: Send + Sync {
    /// One client, also a removed one.
    async fn find(&self, id: ClientId) -> Result<Option<MachineClient>, Error>;

    /// A page of the clients that have not been removed, newest first.
    async fn page(&self, request: PageRequest) -> Result<Page<MachineClient>, Error>;

    /// Stores a new client.
    async fn create(&self, client: MachineClient, events: Vec<Event>) -> Result<(), Error>;

    /// Marks a client removed; when it was before, nothing is stored.
    async fn delete(&self, id: ClientId, at: Timestamp, events: Vec<Event>) -> Result<(), Error>;

    /// A page of the clients that were removed, earliest first.
    async fn deleted(&self, request: PageRequest) -> Result<Page<DeletedClient>, Error>;
}

/// Where signing keys live.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All keys.
    async fn read(&self) -> Result<KeyRing, Error>;

    /// Changes the ring in a transaction that no other change of it overlaps, and gives the ring after it.
    async fn change(&self, change: KeyChange) -> Result<KeyRing, Error>;
}

/// The slow hash of passwords, away from the threads that answer calls.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a password. Refuses with `PASSWORDS_BUSY` when too many wait.
    async fn hash(&self, password: &NewPassword) -> Result<PasswordHash, Error>;

    /// Whether the password is the one that was hashed. Without a hash the work is the same and the answer is no.
    async fn verify(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<bool, Error>;
}
