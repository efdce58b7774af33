//! A person's account: who they are, how they prove it, what they may do.

use std::time::Duration;

use kvartal_kernel::{Error, Kind, Role, Roles, Timestamp, Version};

use super::{Email, Event, PasswordHash, Profile, ProfileChange, Token, TokenHash, UserId};

/// A person's account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Who.
    pub id: UserId,
    /// Address for signing in and for mail.
    pub email: Email,
    /// Whether the person has proved that the address is theirs.
    pub email_confirmed: bool,
    /// Proves the password.
    pub password: PasswordHash,
    /// What the person tells about themselves.
    pub profile: Profile,
    /// What the person may be.
    pub roles: Roles,
    /// Counts the changes of `roles`. Tokens carry it: an older one tells of roles that are no longer true.
    pub generation: i64,
    /// When `generation` last changed.
    pub generation_at: Timestamp,
    /// The newest confirmation link, until it is used.
    pub confirmation: Option<MailToken>,
    /// The newest reset link, until it is used.
    pub reset: Option<MailToken>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Counts the changes of everything above.
    pub version: Version,
}

/// What a mailed link is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// To confirm an address.
    Confirmation,
    /// To set a password without the old one.
    Reset,
}

impl Purpose {
    /// How long such a link works.
    pub fn lifetime(self) -> Duration {
        match self {
            Self::Confirmation => Duration::from_secs(24 * 3600),
            Self::Reset => Duration::from_secs(3600),
        }
    }
}

/// What is kept of a mailed token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailToken {
    /// Its hash.
    pub hash: TokenHash,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A token to mail.
#[derive(Clone, Debug)]
pub struct MailLink {
    /// Works once.
    pub token: Token,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl MailLink {
    /// A new link.
    pub fn generate(purpose: Purpose, now: Timestamp) -> Self {
        Self { token: Token::generate(), expires_at: now.plus(purpose.lifetime()) }
    }

    fn kept(&self) -> MailToken {
        MailToken { hash: self.token.hash(), expires_at: self.expires_at }
    }
}

impl Account {
    /// A new account whose address waits to be confirmed through `link`.
    pub fn register(
        id: UserId,
        email: Email,
        password: PasswordHash,
        profile: Profile,
        link: &MailLink,
        now: Timestamp,
    ) -> (Self, Vec<Event>) {
        let account = Self {
            id,
            email,
            email_confirmed: false,
            password,
            profile,
            roles: Roles::NONE.with(Role::Citizen),
            generation: 1,
            generation_at: now,
            confirmation: Some(link.kept()),
            reset: None,
            created_at: now,
            version: Version::FIRST,
        };
        let events = vec![Event::UserRegistered { user: id }, account.confirmation_mail(Some(link))];
        (account, events)
    }

    /// An account that exists from the first start on. Its address counts as confirmed, so no mail is sent.
    pub fn seed(
        id: UserId,
        email: Email,
        password: PasswordHash,
        profile: Profile,
        roles: Roles,
        now: Timestamp,
    ) -> (Self, Vec<Event>) {
        let link = MailLink::generate(Purpose::Confirmation, now);
        let (mut account, _) = Self::register(id, email, password, profile, &link, now);
        account.roles = roles.with(Role::Citizen).without(Role::Service);
        let mut events = vec![Event::UserRegistered { user: id }];
        events.extend(account.prove_email());
        (account, events)
    }

    /// Tells the owner that somebody tried to register the address again.
    pub fn registered_again(&self) -> Event {
        self.confirmation_mail(None)
    }

    /// Makes a new link of this purpose; the one mailed before stops working. A confirmed address needs no confirmation.
    pub fn request_mail(&mut self, purpose: Purpose, link: &MailLink) -> Vec<Event> {
        let event = match purpose {
            Purpose::Confirmation if self.email_confirmed => return Vec::new(),
            Purpose::Confirmation => {
                self.confirmation = Some(link.kept());
                self.confirmation_mail(Some(link))
            }
            Purpose::Reset => {
                self.reset = Some(link.kept());
                Event::PasswordResetRequested {
                    user: self.id,
                    email: self.email.clone(),
                    name: self.profile.name.clone(),
                    locale: self.profile.locale,
                    link: (link.token.reveal(), link.expires_at),
                }
            }
        };
        self.touch();
        vec![event]
    }

    /// Confirms the address with the mailed token.
    pub fn confirm_email(&mut self, token: &TokenHash, now: Timestamp) -> Result<Vec<Event>, Error> {
        check_link(self.confirmation, token, now)?;
        self.touch();
        Ok(self.prove_email())
    }

    /// Changes the profile, unless `etag` tells that it was read before another change.
    pub fn update_profile(&mut self, change: ProfileChange, etag: &str) -> Result<Vec<Event>, Error> {
        self.version.check(etag)?;
        let changed = self.profile.with(change);
        if changed == self.profile {
            return Ok(Vec::new());
        }
        self.profile = changed;
        self.touch();
        Ok(vec![Event::UserUpdated { user: self.id, locale: self.profile.locale }])
    }

    /// Gives a role. Nothing happens when the person holds it.
    pub fn grant_role(&mut self, role: Role, actor: &str, now: Timestamp) -> Result<Vec<Event>, Error> {
        if role == Role::Service {
            return Err(Error::invalid("role", "is for machine clients only"));
        }
        if self.roles.contains(role) {
            return Ok(Vec::new());
        }
        self.set_roles(self.roles.with(role), now);
        Ok(vec![Event::RoleGranted { user: self.id, role, actor: actor.to_owned() }])
    }

    /// Takes a role. Nothing happens when the person does not hold it. Whether another administrator remains is for the
    /// storage to check, which sees all accounts.
    pub fn revoke_role(&mut self, role: Role, actor: &str, now: Timestamp) -> Result<Vec<Event>, Error> {
        if role == Role::Citizen {
            return Err(Error::invalid("role", "stays with everyone"));
        }
        if !self.roles.contains(role) {
            return Ok(Vec::new());
        }
        self.set_roles(self.roles.without(role), now);
        Ok(vec![Event::RoleRevoked { user: self.id, role, actor: actor.to_owned() }])
    }

    /// The refusal to take the role from the last administrator.
    pub fn last_admin() -> Error {
        Error::new(Kind::FailedPrecondition, "LAST_ADMIN", "the last administrator cannot lose the role")
    }

    /// Sets a password without the old one. The link came by mail, so it proves the address as well.
    pub(super) fn reset_password(
        &mut self,
        token: &TokenHash,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        check_link(self.reset, token, now)?;
        let mut events = self.set_password(password);
        if !self.email_confirmed {
            events.extend(self.prove_email());
        }
        Ok(events)
    }

    /// Replaces the password; a reset link that is still out stops working.
    pub(super) fn set_password(&mut self, password: PasswordHash) -> Vec<Event> {
        self.password = password;
        self.reset = None;
        self.touch();
        vec![Event::PasswordChanged { user: self.id }]
    }

    fn set_roles(&mut self, roles: Roles, now: Timestamp) {
        self.roles = roles;
        self.generation += 1;
        self.generation_at = now;
        self.touch();
    }

    fn prove_email(&mut self) -> Vec<Event> {
        self.email_confirmed = true;
        self.confirmation = None;
        vec![Event::EmailConfirmed { user: self.id }]
    }

    fn confirmation_mail(&self, link: Option<&MailLink>) -> Event {
        Event::EmailConfirmationRequested {
            user: self.id,
            email: self.email.clone(),
            name: self.profile.name.clone(),
            locale: self.profile.locale,
            link: link.map(|link| (link.token.reveal(), link.expires_at)),
        }
    }

    fn touch(&mut self) {
        self.version = self.version.next();
    }
}

/// The one answer to links that are wrong, used, replaced or too old.
pub(crate) fn dead_link() -> Error {
    Error::new(
        Kind::FailedPrecondition,
        "LINK_INVALID",
        "the link is wrong, was used before or is too old; ask for a new one",
    )
}

fn check_link(kept: Option<MailToken>, token: &TokenHash, now: Timestamp) -> Result<(), Error> {
    match kept {
        Some(kept) if kept.hash == *token && now < kept.expires_at => Ok(()),
        _ => Err(dead_link()),
    }
}
