//! A program that calls by itself.

use kvartal_kernel::{Role, Roles, Timestamp};

use super::{DisplayName, Event, Token, TokenHash};

kvartal_kernel::typed_id!(
    /// A machine client.
    ClientId
);

/// A program that calls by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineClient {
    /// Which.
    pub id: ClientId,
    /// What it is.
    pub name: DisplayName,
    /// What it may be.
    pub roles: Roles,
    /// Proves its secret.
    pub secret: TokenHash,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was removed.
    pub deleted_at: Option<Timestamp>,
}

impl MachineClient {
    /// Generation of its tokens while it lives; its roles never change.
    pub const GENERATION: i64 = 1;
    /// Generation from which tokens would work once it is removed: there is none.
    pub const DELETED_GENERATION: i64 = 2;

    /// A new client, always with [`Role::Service`].
    pub fn create(id: ClientId, name: DisplayName, roles: Roles, secret: &Token, now: Timestamp) -> (Self, Vec<Event>) {
        let roles = roles.with(Role::Service);
        let client = Self { id, name, roles, secret: secret.hash(), created_at: now, deleted_at: None };
        (client, vec![Event::MachineClientCreated { client: id }])
    }

    /// Whether this is its secret and it may use it.
    pub fn accepts(&self, secret: &TokenHash) -> bool {
        self.secret == *secret && self.deleted_at.is_none()
    }
}
