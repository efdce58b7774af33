//! Signing in, staying signed in and signing out.

use kvartal_kernel::{Actor, Caller, Error, Kind, Timestamp};
use kvartal_mesh::auth::TokenKind;

use super::signing::Holder;
use super::{Identity, wrong_credentials};
use crate::domain::{
    Account, Device, Email, NewSession, RefreshToken, RevocationReason, Secret, Session, SessionId, UserId,
    session_over,
};

/// What a client holds to make calls.
pub struct Tokens {
    /// The JWT.
    pub access: Secret,
    /// When it expires.
    pub access_expires_at: Timestamp,
    /// The refresh token; works once.
    pub refresh: Secret,
    /// When the session ends at the latest.
    pub refresh_expires_at: Timestamp,
}

/// A new session.
pub struct SignedIn {
    /// For further calls.
    pub tokens: Tokens,
    /// Who signed in.
    pub account: Account,
}

impl Identity {
    /// Exchanges an address and a password for a session. An unknown address and a wrong password cost the same work and
    /// get the same answer; only the right password learns that the address is not confirmed.
    pub async fn sign_in(&self, caller: &Caller, email: Email, password: Secret) -> Result<SignedIn, Error> {
        self.throttle_guess("signin", &email.fingerprint(), caller).await?;
        let account = self.users.find_by_email(&email).await?;
        let right = self.passwords.verify(&password, account.as_ref().map(|account| &account.password)).await?;
        let account = account.filter(|_| right).ok_or_else(wrong_credentials)?;
        if !account.email_confirmed {
            let message = "the e-mail address has not been confirmed yet; follow the link in the mail";
            return Err(Error::new(Kind::FailedPrecondition, "EMAIL_NOT_CONFIRMED", message));
        }
        let id = SessionId::generate(self.clock.as_ref());
        let token = RefreshToken::generate();
        let new = NewSession {
            id,
            token: token.clone(),
            device: Device { user_agent: caller.user_agent.clone(), address: caller.address.clone() },
            known_device: self.users.knows_device(account.id, &caller.user_agent).await?,
        };
        let (proof, now) = (account.password, self.clock.now());
        let user = self.change(account.id, move |user| user.start_session(&proof, new, now)).await?;
        let session = user.live_session(id, now).ok_or_else(session_over)?;
        let tokens = self.issue(&user.account, session, &token).await?;
        Ok(SignedIn { tokens, account: user.account })
    }

    /// Exchanges a refresh token for a new pair. A token that was used before ends the session.
    pub async fn refresh_session(&self, token: RefreshToken) -> Result<Tokens, Error> {
        let (user, id) = self.users.find_session(&token.family.hash()).await?.ok_or_else(session_over)?;
        let next = token.next();
        let (stored, now) = (next.clone(), self.clock.now());
        let user = self.change(user, move |user| user.refresh_session(id, &token, &stored, now)).await?;
        let session = user.live_session(id, now).ok_or_else(session_over)?;
        self.issue(&user.account, session, &next).await
    }

    /// Ends the session of the caller.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), Error> {
        let (user, session) = session_of(caller)?;
        let now = self.clock.now();
        self.change(user, move |user| Ok(user.end_session(session, RevocationReason::SignedOut, now))).await?;
        Ok(())
    }

    /// Ends every session of the caller; tells how many.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<usize, Error> {
        let (user, session) = session_of(caller)?;
        let now = self.clock.now();
        let user = self.change(user, move |user| Ok(user.end_every_session(session, now))).await?;
        Ok(user.sessions.len())
    }

    /// The live sessions of the caller, newest first.
    pub async fn list_sessions(&self, caller: &Caller) -> Result<Vec<Session>, Error> {
        let now = self.clock.now();
        let mut sessions = self.users.sessions(UserId(caller.user_id()?)).await?;
        sessions.retain(|session| session.is_live(now));
        Ok(sessions)
    }

    /// Ends one session of the caller. Ending it again is no error; another user's session does not exist for them.
    pub async fn revoke_session(&self, caller: &Caller, id: SessionId) -> Result<(), Error> {
        let (user, current) = session_of(caller)?;
        if !self.users.owns_session(user, id).await? {
            return Err(Error::not_found("SESSION_NOT_FOUND", "session"));
        }
        let reason = if id == current { RevocationReason::SignedOut } else { RevocationReason::Remote };
        let now = self.clock.now();
        self.change(user, move |user| Ok(user.end_session(id, reason, now))).await?;
        Ok(())
    }

    /// The live sessions of an account, newest first.
    pub async fn list_sessions_of(&self, id: UserId) -> Result<Vec<Session>, Error> {
        self.account(id).await?;
        let now = self.clock.now();
        let mut sessions = self.users.sessions(id).await?;
        sessions.retain(|session| session.is_live(now));
        Ok(sessions)
    }

    /// Ends one session of an account, or all of them; tells how many were live.
    pub async fn revoke_sessions_of(&self, id: UserId, only: Option<SessionId>) -> Result<usize, Error> {
        let live = self.list_sessions_of(id).await?;
        if let Some(only) = only
            && !self.users.owns_session(id, only).await?
        {
            return Err(Error::not_found("SESSION_NOT_FOUND", "session"));
        }
        let now = self.clock.now();
        self.change(id, move |user| Ok(user.end_for_admin(only, now))).await?;
        Ok(live.iter().filter(|session| only.is_none_or(|only| session.id == only)).count())
    }

    async fn issue(&self, account: &Account, session: &Session, refresh: &RefreshToken) -> Result<Tokens, Error> {
        let holder = Holder {
            kind: TokenKind::User,
            id: account.id.0,
            session: Some(session.id.0),
            generation: account.generation,
            roles: account.roles,
        };
        let (access, access_expires_at) = self.signer.sign(holder).await?;
        Ok(Tokens { access, access_expires_at, refresh: refresh.reveal(), refresh_expires_at: session.expires_at() })
    }
}

/// The account and the session of a person who is signed in.
pub(super) fn session_of(caller: &Caller) -> Result<(UserId, SessionId), Error> {
    let user = caller.user_id()?;
    match caller.actor {
        Actor::User { session, .. } => Ok((UserId(user), SessionId(session))),
        _ => Err(session_over()),
    }
}
