//! Replacing a password, with the old one or with a mailed link.

use kvartal_kernel::{Caller, Error, Kind};

use super::Identity;
use super::sessions::session_of;
use crate::domain::{Email, NewPassword, Purpose, Secret, Token, dead_link};

impl Identity {
    /// Replaces the password of the caller and ends every other session. Guesses of the current one count as attempts to
    /// sign in: a stolen session must not be a way around the limit.
    pub async fn change_password(&self, caller: &Caller, current: Secret, new: Secret) -> Result<(), Error> {
        let (user, session) = session_of(caller)?;
        let account = self.account(user).await?;
        let new = NewPassword::parse("new_password", new, &account.email, &account.profile.name)?;
        self.throttle_guess("signin", &account.email.fingerprint(), caller).await?;
        if !self.passwords.verify(&current, Some(&account.password)).await? {
            return Err(Error::new(Kind::PermissionDenied, "WRONG_PASSWORD", "the current password is wrong"));
        }
        let hash = self.passwords.hash(&new).await?;
        let (proof, now) = (account.password, self.clock.now());
        self.change(user, move |user| user.change_password(&proof, hash, session, now)).await?;
        Ok(())
    }

    /// Asks for a reset link. The answer tells nothing about the address.
    pub async fn request_password_reset(&self, email: Email) -> Result<(), Error> {
        self.throttle_mail(&email).await?;
        self.users.want_link(Purpose::Reset, &email).await
    }

    /// Sets a password with the token from the mail and ends every session.
    pub async fn reset_password(&self, token: Token, new: Secret) -> Result<(), Error> {
        let token = token.hash();
        let account = self.users.find_by_link(Purpose::Reset, &token).await?.ok_or_else(dead_link)?;
        let new = NewPassword::parse("new_password", new, &account.email, &account.profile.name)?;
        let hash = self.passwords.hash(&new).await?;
        let now = self.clock.now();
        self.change(account.id, move |user| user.reset_password(&token, hash, now)).await?;
        Ok(())
    }
}
