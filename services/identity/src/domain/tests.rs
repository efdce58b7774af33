//! The rules, without anything around them.

mod keys;
mod users;
mod values;

use std::time::Duration;

use kvartal_kernel::{Timestamp, Uuid};

use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn email() -> Email {
    Email::parse("email", "anna@city.example").unwrap()
}

fn name() -> DisplayName {
    DisplayName::parse("display_name", "Anna Petrova").unwrap()
}

fn profile() -> Profile {
    Profile { name: name(), locale: Locale::Ru, time_zone: TimeZone::default(), phone: None }
}

/// An account that has just been registered, and the link mailed for it.
fn registered() -> (Account, MailLink) {
    let link = MailLink::generate(Purpose::Confirmation, NOW);
    let id = UserId(Uuid::from_u128(1));
    let (account, _) = Account::register(id, email(), PasswordHash::new("first"), profile(), &link, NOW);
    (account, link)
}

fn user() -> User {
    User { account: registered().0, sessions: Vec::new() }
}

fn new_session(id: u128) -> NewSession {
    NewSession {
        id: SessionId(Uuid::from_u128(id)),
        token: RefreshToken::generate(),
        device: Device { user_agent: "Browser".to_owned(), address: "192.0.2.1".to_owned() },
        known_device: true,
    }
}

/// Starts a session and gives its first refresh token.
fn start(user: &mut User, id: u128, now: Timestamp) -> RefreshToken {
    let new = new_session(id);
    let token = new.token.clone();
    let proof = user.account.password.clone();
    user.start_session(&proof, new, now).unwrap();
    token
}

fn revoked(user: &User, session: SessionId, reason: RevocationReason) -> Event {
    Event::SessionRevoked { user: user.account.id, session, reason }
}
