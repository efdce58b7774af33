//! A signed-in device.

use std::time::Duration;

use kvartal_kernel::Timestamp;

use super::{Event, RefreshToken, RevocationReason, TokenHash, UserId};

kvartal_kernel::typed_id!(
    /// A session; the `sid` of its tokens.
    SessionId
);

/// Where somebody signs in from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Device {
    /// What the browser calls itself.
    pub user_agent: String,
    /// Network address.
    pub address: String,
}

/// A signed-in device. There is one row for its whole life: a refresh replaces `turn`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Names it in tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Hash of the part of the refresh token that stays.
    pub family: TokenHash,
    /// Hash of the part that works once.
    pub turn: TokenHash,
    /// From where it was started.
    pub device: Device,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_seen_at: Timestamp,
    /// When and why it was ended; `None` while nobody has ended it.
    pub ended: Option<Ended>,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

impl Session {
    /// The longest a session lives, however much it is used.
    pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
    /// The longest a session lives unused.
    pub const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
    /// The most sessions of one user.
    pub const MAX: usize = 50;

    /// When it ends at the latest.
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus(Self::LIFETIME)
    }

    /// When it ends unless it is refreshed before.
    pub fn ends_at(&self) -> Timestamp {
        self.expires_at().min(self.last_seen_at.plus(Self::IDLE))
    }

    /// Whether it works now.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.ends_at()
    }

    /// Whether this is the refresh token that works next.
    pub fn accepts(&self, token: &RefreshToken) -> bool {
        self.family == token.family.hash() && self.turn == token.turn.hash()
    }

    /// Ends it; nothing happens when it has ended before.
    pub(super) fn end(&mut self, reason: RevocationReason, now: Timestamp) -> Option<Event> {
        if self.ended.is_some() {
            return None;
        }
        self.ended = Some(Ended { at: now, reason });
        Some(Event::SessionRevoked { user: self.user, session: self.id, reason })
    }
}
