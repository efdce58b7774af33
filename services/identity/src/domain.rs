//! The rules of identity: pure values and transitions, free of storage, transport and async.
//!
//! Read [`user`] first: a [`User`] is what one transaction changes.

mod account;
mod client;
mod event;
mod key;
mod password;
mod profile;
mod secret;
mod session;
mod user;

pub(crate) use account::dead_link;
pub use account::{Account, MailLink, MailToken, Purpose};
pub use client::{ClientId, MachineClient};
pub use event::{Event, RevocationReason};
pub use key::{KeyRing, SigningKey};
pub use password::{NewPassword, PasswordHash};
pub use profile::{DisplayName, Email, Locale, Phone, Profile, ProfileChange, TimeZone};
pub use secret::{RefreshToken, Secret, Token, TokenHash};
pub use session::{Device, Ended, Session, SessionId};
pub use user::{NewSession, User};
pub(crate) use user::{no_such_user, session_over};

use std::time::Duration;

kvartal_kernel::typed_id!(
    /// A person's account.
    UserId
);

/// How long an access token works.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How long a revocation must be remembered: the longest a token issued just before may be accepted, with room for the
/// verifiers' leeway and for clocks that differ a little.
pub const REVOCATION_MEMORY: Duration = Duration::from_secs(11 * 60);

#[cfg(test)]
mod tests;
