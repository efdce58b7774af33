//! What happened, for the other services.

use kvartal_kernel::{Role, Timestamp};

use super::{ClientId, DisplayName, Email, Locale, Secret, SessionId, UserId};

/// A fact that is stored in the transaction that made it true and published after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// An account was made; its address is not confirmed yet.
    UserRegistered {
        /// Who.
        user: UserId,
    },
    /// A confirmation mail is wanted.
    EmailConfirmationRequested {
        /// Who.
        user: UserId,
        /// Where to.
        email: Email,
        /// How to address them.
        name: DisplayName,
        /// In which language.
        locale: Locale,
        /// The token for the link and its end; `None` tells the owner that the address has an account already.
        link: Option<(Secret, Timestamp)>,
    },
    /// An address was proved.
    EmailConfirmed {
        /// Who.
        user: UserId,
    },
    /// A reset mail is wanted.
    PasswordResetRequested {
        /// Who.
        user: UserId,
        /// Where to.
        email: Email,
        /// How to address them.
        name: DisplayName,
        /// In which language.
        locale: Locale,
        /// The token for the link and its end.
        link: (Secret, Timestamp),
    },
    /// A password was replaced.
    PasswordChanged {
        /// Whose.
        user: UserId,
    },
    /// A profile was changed.
    UserUpdated {
        /// Whose.
        user: UserId,
        /// The language in force.
        locale: Locale,
    },
    /// A role was given; tokens of an older generation are worthless.
    RoleGranted {
        /// To whom.
        user: UserId,
        /// Which.
        role: Role,
        /// By whom.
        actor: String,
    },
    /// A role was taken; tokens of an older generation are worthless.
    RoleRevoked {
        /// From whom.
        user: UserId,
        /// Which.
        role: Role,
        /// By whom.
        actor: String,
    },
    /// Somebody signed in.
    SessionStarted {
        /// Who.
        user: UserId,
        /// The new session.
        session: SessionId,
        /// What the browser called itself.
        user_agent: String,
        /// From where.
        address: String,
        /// Whether the user has signed in from such a browser before, or never from any.
        known_device: bool,
    },
    /// A session ended; its tokens are worthless.
    SessionRevoked {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// Why.
        reason: RevocationReason,
    },
    /// A used refresh token came back: somebody else may hold it.
    RefreshTokenReused {
        /// Whose.
        user: UserId,
        /// The session, which is ended.
        session: SessionId,
    },
    /// A program was registered.
    MachineClientCreated {
        /// Which.
        client: ClientId,
    },
    /// A program was removed; its tokens are worthless.
    MachineClientDeleted {
        /// Which.
        client: ClientId,
    },
}

/// Why a session ended; the numbers are those of `kvartal.identity.v1.RevocationReason`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum RevocationReason {
    /// The user signed out.
    SignedOut = 1,
    /// The user ended it from another session.
    Remote = 2,
    /// The password changed.
    Password = 3,
    /// A used refresh token came back.
    Reuse = 4,
    /// There were too many sessions.
    Limit = 5,
    /// An administrator ended it.
    Admin = 6,
}

impl RevocationReason {
    /// From storage.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::SignedOut, Self::Remote, Self::Password, Self::Reuse, Self::Limit, Self::Admin]
            .into_iter()
            .find(|reason| *reason as i32 == number)
    }
}
