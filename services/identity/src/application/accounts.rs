//! Reading accounts, changing one's own, giving and taking roles.

use kvartal_kernel::{Caller, Error, Page, PageRequest, Role};

use super::Identity;
use crate::domain::{Account, ProfileChange, UserId, no_such_user};

impl Identity {
    /// One account.
    pub async fn account(&self, id: UserId) -> Result<Account, Error> {
        self.users.find(id).await?.ok_or_else(no_such_user)
    }

    /// The caller's own account.
    pub async fn profile(&self, caller: &Caller) -> Result<Account, Error> {
        self.account(UserId(caller.user_id()?)).await
    }

    /// Changes the caller's own profile; with an etag, only when nothing has changed since.
    pub async fn update_profile(&self, caller: &Caller, change: ProfileChange, etag: String) -> Result<Account, Error> {
        let id = UserId(caller.user_id()?);
        let user = self.change(id, move |user| user.account.update_profile(change, &etag)).await?;
        Ok(user.account)
    }

    /// A page of accounts, newest first; with a role, only those who hold it; with a query, only those whose name or
    /// address has it.
    pub async fn list(&self, role: Option<Role>, query: &str, request: PageRequest) -> Result<Page<Account>, Error> {
        self.users.page(role, query.trim(), request).await
    }

    /// Gives a role. Tokens issued before stop working at once.
    pub async fn grant_role(&self, caller: &Caller, id: UserId, role: Role) -> Result<Account, Error> {
        let (actor, now) = (caller.actor_id(), self.clock.now());
        let user = self.change(id, move |user| user.account.grant_role(role, &actor, now)).await?;
        Ok(user.account)
    }

    /// Takes a role. Tokens issued before stop working at once.
    pub async fn revoke_role(&self, caller: &Caller, id: UserId, role: Role) -> Result<Account, Error> {
        let (actor, now) = (caller.actor_id(), self.clock.now());
        let user = self.change(id, move |user| user.account.revoke_role(role, &actor, now)).await?;
        Ok(user.account)
    }
}
