//! Making an account and proving its address.

use kvartal_kernel::{Error, Roles};

use super::Identity;
use crate::domain::{
    Account, DisplayName, Email, MailLink, NewPassword, Profile, Purpose, Secret, Token, UserId, dead_link,
};

/// What an account is made of.
pub struct Registration {
    /// Address for signing in and for mail.
    pub email: Email,
    /// As typed.
    pub password: Secret,
    /// What the person tells about themselves.
    pub profile: Profile,
}

/// An account that exists from the first start on, with a confirmed address.
pub struct Seed {
    /// Its address.
    pub email: Email,
    /// Its password.
    pub password: NewPassword,
    /// Its name.
    pub name: DisplayName,
    /// What the person may be besides a citizen.
    pub roles: Roles,
}

impl Identity {
    /// Makes an account and mails a confirmation link. When the address is taken its owner is told by mail; the caller
    /// learns nothing.
    pub async fn register(&self, registration: Registration) -> Result<(), Error> {
        let Registration { email, password, profile } = registration;
        let password = NewPassword::parse("password", password, &email, &profile.name)?;
        self.throttle_mail(&email).await?;
        let hash = self.passwords.hash(&password).await?;
        let now = self.clock.now();
        let link = MailLink::generate(Purpose::Confirmation, now);
        let id = UserId::generate(self.clock.as_ref());
        let (account, events) = Account::register(id, email.clone(), hash, profile, &link, now);
        if !self.users.register(account, events).await?
            && let Some(owner) = self.users.find_by_email(&email).await?
        {
            self.change(owner.id, |user| Ok(vec![user.account.registered_again()])).await?;
        }
        Ok(())
    }

    /// Asks for another confirmation link. The answer tells nothing about the address.
    pub async fn resend_confirmation(&self, email: Email) -> Result<(), Error> {
        self.throttle_mail(&email).await?;
        self.users.want_link(Purpose::Confirmation, &email).await
    }

    /// Mails a link that was asked for; addresses without an account get none. Runs in the background.
    pub async fn send_link(&self, purpose: Purpose, email: &Email) -> Result<(), Error> {
        let Some(account) = self.users.find_by_email(email).await? else { return Ok(()) };
        let link = MailLink::generate(purpose, self.clock.now());
        self.change(account.id, move |user| Ok(user.account.request_mail(purpose, &link))).await?;
        Ok(())
    }

    /// Confirms an address with the token from the mail.
    pub async fn confirm_email(&self, token: Token) -> Result<(), Error> {
        let token = token.hash();
        let account = self.users.find_by_link(Purpose::Confirmation, &token).await?.ok_or_else(dead_link)?;
        let now = self.clock.now();
        self.change(account.id, move |user| user.account.confirm_email(&token, now)).await?;
        Ok(())
    }

    /// Makes an account unless the address has one. Repeating it changes nothing, not even a changed password.
    pub async fn seed(&self, seed: Seed) -> Result<(), Error> {
        let Seed { email, password, name, roles } = seed;
        if self.users.find_by_email(&email).await?.is_some() {
            return Ok(());
        }
        let hash = self.passwords.hash(&password).await?;
        let profile = Profile { name, locale: Default::default(), time_zone: Default::default(), phone: None };
        let id = UserId::generate(self.clock.as_ref());
        let (account, events) = Account::seed(id, email, hash, profile, roles, self.clock.now());
        self.users.register(account, events).await?;
        Ok(())
    }
}
