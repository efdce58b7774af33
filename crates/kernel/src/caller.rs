//! Who calls.

use std::fmt;

use uuid::Uuid;

use crate::{Error, Kind};

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $number:literal => $text:literal,)*) => {
        /// What a person or a machine may be; the numbers are those of `kvartal.contract.v1.Role`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Role { $($(#[$doc])* $name = $number,)* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Role] = &[$(Role::$name,)*];

            /// The name used in tokens and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Role::$name => $text,)* }
            }

            /// From the name used in tokens.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Role::$name),)* _ => None }
            }

            /// From the number in the contract.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Role::$name),)* _ => None }
            }
        }
    };
}

roles! {
    /// Anyone who registered.
    Citizen = 1 => "citizen",
    /// Works on incidents and reports.
    Dispatcher = 2 => "dispatcher",
    /// Drives to incidents.
    Patrol = 3 => "patrol",
    /// Writes news.
    Editor = 4 => "editor",
    /// Hides and restores what citizens publish.
    Moderator = 5 => "moderator",
    /// Teaches.
    Teacher = 6 => "teacher",
    /// Learns.
    Student = 7 => "student",
    /// Has a child who learns.
    Parent = 8 => "parent",
    /// Sells goods.
    Seller = 9 => "seller",
    /// Sells services.
    Freelancer = 10 => "freelancer",
    /// Reads statistics.
    Analyst = 11 => "analyst",
    /// Answers citizens in chat.
    Support = 12 => "support",
    /// Grants roles, reads the audit record, configures.
    Admin = 13 => "admin",
    /// A machine client.
    Service = 14 => "service",
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u32);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// From the bits that [`Self::bits`] gave.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// One bit for each role, for storage.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// With one more.
    pub fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// With one less.
    pub fn without(self, role: Role) -> Self {
        Self(self.0 & !(1 << role as u8))
    }

    /// Whether the role is among them.
    pub fn contains(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether the sets share a role.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The roles, by number.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Role::name)).finish()
    }
}

/// Who somebody turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Nobody said.
    Anonymous,
    /// A person with a session.
    User {
        /// The account.
        id: Uuid,
        /// The session (`sid`).
        session: Uuid,
        /// What the person may be.
        roles: Roles,
    },
    /// A machine client.
    Machine {
        /// The client.
        id: Uuid,
        /// What it may be.
        roles: Roles,
    },
    /// Another service of the platform.
    Service {
        /// Its name, such as `notification`.
        name: String,
    },
}

/// Who calls, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// Network address as the edge saw it; empty inside the platform.
    pub address: String,
    /// What the client calls itself; at most 200 characters.
    pub user_agent: String,
}

impl Caller {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self { actor: Actor::Anonymous, address: String::new(), user_agent: String::new() }
    }

    /// The account of a signed-in person, or an error that asks to sign in.
    pub fn user_id(&self) -> Result<Uuid, Error> {
        match self.actor {
            Actor::User { id, .. } => Ok(id),
            _ => Err(Error::new(Kind::Unauthenticated, "SIGN_IN_REQUIRED", "sign in first")),
        }
    }

    /// Id of a person, a machine client or a service, for records; empty for nobody.
    pub fn actor_id(&self) -> String {
        match &self.actor {
            Actor::Anonymous => String::new(),
            Actor::User { id, .. } | Actor::Machine { id, .. } => id.to_string(),
            Actor::Service { name } => name.clone(),
        }
    }

    /// What the caller may be.
    pub fn roles(&self) -> Roles {
        match self.actor {
            Actor::User { roles, .. } | Actor::Machine { roles, .. } => roles,
            Actor::Anonymous | Actor::Service { .. } => Roles::NONE,
        }
    }

    /// Whether the caller holds the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles().contains(role)
    }
}
