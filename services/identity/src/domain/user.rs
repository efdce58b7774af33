//! A user: the account and its sessions, with the rules that span both.

use kvartal_kernel::{Error, Kind, Timestamp};

use super::{Account, Device, Event, PasswordHash, RefreshToken, RevocationReason, Session, SessionId, TokenHash};

/// A user, which is what one transaction changes: the account and every session that nobody has ended. There are at
/// most [`Session::MAX`] of those, some of which may have expired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Who.
    pub account: Account,
    /// Where they are signed in, in any order.
    pub sessions: Vec<Session>,
}

/// What a session is started with.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Its first refresh token.
    pub token: RefreshToken,
    /// From where.
    pub device: Device,
    /// Whether the user has signed in from such a browser before, or never from any.
    pub known_device: bool,
}

impl User {
    /// The session, when it is live.
    pub fn live_session(&self, id: SessionId, now: Timestamp) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id && session.is_live(now))
    }

    /// Starts a session for whoever proved the password that `proof` was made of. The oldest sessions make room.
    pub fn start_session(
        &mut self,
        proof: &PasswordHash,
        new: NewSession,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        self.check_proof(proof)?;
        let NewSession { id, token, device, known_device } = new;
        self.sessions.sort_by_key(|session| (session.last_seen_at, session.id));
        let surplus = (self.sessions.len() + 1).saturating_sub(Session::MAX);
        let mut events: Vec<Event> = self
            .sessions
            .iter_mut()
            .take(surplus)
            .filter_map(|session| session.end(RevocationReason::Limit, now))
            .collect();
        let user = self.account.id;
        events.push(Event::SessionStarted {
            user,
            session: id,
            user_agent: device.user_agent.clone(),
            address: device.address.clone(),
            known_device,
        });
        self.sessions.push(Session {
            id,
            user,
            family: token.family.hash(),
            turn: token.turn.hash(),
            device,
            created_at: now,
            last_seen_at: now,
            ended: None,
        });
        Ok(events)
    }

    /// Exchanges a refresh token for `next`. A token that was used before ends the session: then the events tell of it
    /// and the session is no longer live.
    pub fn refresh_session(
        &mut self,
        id: SessionId,
        token: &RefreshToken,
        next: &RefreshToken,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        let user = self.account.id;
        let session = self.sessions.iter_mut().find(|session| session.id == id && session.is_live(now));
        let session = session.ok_or_else(session_over)?;
        if session.accepts(token) {
            session.turn = next.turn.hash();
            session.last_seen_at = now;
            return Ok(Vec::new());
        }
        let mut events = vec![Event::RefreshTokenReused { user, session: id }];
        events.extend(session.end(RevocationReason::Reuse, now));
        Ok(events)
    }

    /// Ends one session; nothing happens when it is not among the live ones.
    pub fn end_session(&mut self, id: SessionId, reason: RevocationReason, now: Timestamp) -> Vec<Event> {
        self.sessions.iter_mut().filter(|session| session.id == id).filter_map(|s| s.end(reason, now)).collect()
    }

    /// Ends every session: `current`, from which it was asked for, and the others.
    pub fn end_every_session(&mut self, current: SessionId, now: Timestamp) -> Vec<Event> {
        let end = |session: &mut Session| {
            let own = session.id == current;
            session.end(if own { RevocationReason::SignedOut } else { RevocationReason::Remote }, now)
        };
        self.sessions.iter_mut().filter_map(end).collect()
    }

    /// Ends one session, or all of them, for an administrator.
    pub fn end_for_admin(&mut self, only: Option<SessionId>, now: Timestamp) -> Vec<Event> {
        let meant = self.sessions.iter_mut().filter(|session| only.is_none_or(|only| session.id == only));
        meant.filter_map(|session| session.end(RevocationReason::Admin, now)).collect()
    }

    /// Replaces the password for whoever proved the old one, and ends every session except `current`.
    pub fn change_password(
        &mut self,
        proof: &PasswordHash,
        password: PasswordHash,
        current: SessionId,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        self.check_proof(proof)?;
        let mut events = self.account.set_password(password);
        events.extend(self.end_sessions_but(Some(current), now));
        Ok(events)
    }

    /// Sets a password with the mailed token, and ends every session.
    pub fn reset_password(
        &mut self,
        token: &TokenHash,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        let mut events = self.account.reset_password(token, password, now)?;
        events.extend(self.end_sessions_but(None, now));
        Ok(events)
    }

    fn end_sessions_but(&mut self, kept: Option<SessionId>, now: Timestamp) -> Vec<Event> {
        let others = self.sessions.iter_mut().filter(|session| Some(session.id) != kept);
        others.filter_map(|session| session.end(RevocationReason::Password, now)).collect()
    }

    /// Hashing is slow and happens outside the transaction, so the password may have been changed since it was proved.
    fn check_proof(&self, proof: &PasswordHash) -> Result<(), Error> {
        if self.account.password == *proof { Ok(()) } else { Err(Error::conflict()) }
    }
}

/// The refusal to do anything with a user who does not exist.
pub(crate) fn no_such_user() -> Error {
    Error::not_found("USER_NOT_FOUND", "user")
}

/// The one answer to refresh tokens that do not work, whatever the reason.
pub(crate) fn session_over() -> Error {
    Error::new(Kind::Unauthenticated, "SESSION_OVER", "the session has ended; sign in again")
}
