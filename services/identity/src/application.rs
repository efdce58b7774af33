//! What identity can do: one method for each RPC, grouped by topic, and the ports it does it through.

mod accounts;
mod clients;
mod passwords;
mod ports;
mod registration;
mod sessions;
mod signing;
mod upkeep;

use std::sync::Arc;

use kvartal_contract::RateClass;
use kvartal_kernel::{Caller, Clock, Error, Kind, Uuid};
use kvartal_mesh::auth::Revoke;
use kvartal_mesh::rate::Limiter;
use tokio::sync::Notify;

use crate::domain::{Email, Event, REVOCATION_MEMORY, User, UserId};

pub use clients::{ClientToken, NewClient};
pub use ports::{
    Change, Changed, DeletedClient, EndedSession, KeyChange, MachineClients, Passwords, SigningKeys, Users,
};
pub use registration::{Registration, Seed};
pub use sessions::{SignedIn, Tokens};
pub use signing::{MasterKey, Signer};

/// Everything identity can do.
pub struct Identity {
    /// Accounts and sessions.
    pub users: Arc<dyn Users>,
    /// Programs.
    pub clients: Arc<dyn MachineClients>,
    /// The slow hash.
    pub passwords: Arc<dyn Passwords>,
    /// Access tokens and the keys behind them.
    pub signer: Signer,
    /// Tells every verifier which tokens are worthless.
    pub revoke: Arc<dyn Revoke>,
    /// Counts attempts.
    pub limiter: Arc<dyn Limiter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Rings when a revocation could not be announced.
    pub repeat: Notify,
}

/// What is worthless from now on.
enum Revocation {
    /// The tokens of a session.
    Session(Uuid),
    /// The tokens of a user or a machine client that are older than a generation.
    Before(Uuid, i64),
}

impl Identity {
    /// Changes a user in one transaction, and only then, before anybody is answered, tells the verifiers what the change
    /// made worthless.
    async fn change<F>(&self, id: UserId, change: F) -> Result<User, Error>
    where
        F: FnOnce(&mut User) -> Result<Vec<Event>, Error> + Send + 'static,
    {
        let Changed { user, events } = self.users.change(id, Box::new(change)).await?;
        for event in &events {
            match event {
                Event::SessionRevoked { session, .. } => self.announce(Revocation::Session(session.0)).await,
                Event::RoleGranted { .. } | Event::RoleRevoked { .. } => {
                    self.announce(Revocation::Before(id.0, user.account.generation)).await;
                }
                _ => {}
            }
        }
        Ok(user)
    }

    /// Tells the verifiers what is worthless from now on. The change itself is stored already, so a failure is no error of
    /// the call: it is repeated until it succeeds, see [`Identity::keep_revocations`].
    async fn announce(&self, revocation: Revocation) {
        let until = self.clock.now().plus(REVOCATION_MEMORY);
        let announced = match revocation {
            Revocation::Session(session) => self.revoke.revoke_session(session, until).await,
            Revocation::Before(id, generation) => self.revoke.revoke_before(id, generation, until).await,
        };
        if let Err(error) = announced {
            tracing::warn!(error = error.chain(), "a revocation could not be announced; it will be repeated");
            self.repeat.notify_one();
        }
    }

    /// Refuses when somebody guesses too fast: from one place, or at one account from many places.
    async fn throttle_guess(&self, what: &str, account: &str, caller: &Caller) -> Result<(), Error> {
        // Calls from inside the platform have no address.
        if !caller.address.is_empty() {
            self.limiter.check(RateClass::Sensitive, &format!("{what}:address:{}", caller.address)).await?;
        }
        self.limiter.check(RateClass::Sensitive, &format!("{what}:account:{}", account)).await
    }

    /// Refuses to fill somebody's mailbox, whether or not the address has an account.
    async fn throttle_mail(&self, email: &Email) -> Result<(), Error> {
        self.limiter.check(RateClass::Sensitive, &format!("mail:{}", email.fingerprint())).await
    }
}

/// The one answer to an unknown account and to a wrong secret.
fn wrong_credentials() -> Error {
    Error::new(Kind::Unauthenticated, "WRONG_CREDENTIALS", "the account or the secret is wrong")
}

#[cfg(test)]
mod tests;
