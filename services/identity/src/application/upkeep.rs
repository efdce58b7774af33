//! What happens without anybody asking: revocations are repeated, keys change turns, old rows go.

use std::time::Duration;

use kvartal_kernel::{Cursor, Error, PageRequest, Uuid};

use super::Identity;
use crate::domain::{MachineClient, REVOCATION_MEMORY};

/// How often revocations are repeated.
const REPEAT_EVERY: Duration = Duration::from_secs(30);
/// When a failed announcement is repeated.
const REPEAT_SOON: Duration = Duration::from_secs(1);
/// Rows read at once.
const BATCH: u32 = 500;
/// How long sessions are kept after their last use: they tell which browsers a user has signed in from before.
const SESSION_MEMORY: Duration = Duration::from_secs(90 * 24 * 3600);

impl Identity {
    /// Repeats the revocations at once, every half minute, and soon after one could not be announced; never returns.
    pub async fn keep_revocations(&self) {
        loop {
            let pause = match self.repeat_revocations().await {
                Ok(()) => REPEAT_EVERY,
                Err(error) => {
                    tracing::warn!(error = error.chain(), "the revocations could not be repeated");
                    REPEAT_SOON
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.repeat.notified() => tokio::time::sleep(REPEAT_SOON).await,
            }
        }
    }

    /// Tells the verifiers again about everything revoked within the life of an access token. A revocation is announced
    /// when it happens; the repetition covers a process killed between commit and announcement and a list that was lost.
    pub async fn repeat_revocations(&self) -> Result<(), Error> {
        let since = self.clock.now().minus(REVOCATION_MEMORY);
        let first = Some(Cursor { key: since.0, id: Uuid::nil() });
        let mut after = first;
        while after.is_some() {
            let page = self.users.ended_sessions(PageRequest { size: BATCH, after }).await?;
            for session in &page.items {
                self.revoke.revoke_session(session.id.0, session.at.plus(REVOCATION_MEMORY)).await?;
            }
            after = page.next;
        }
        after = first;
        while after.is_some() {
            let page = self.users.changed_roles(PageRequest { size: BATCH, after }).await?;
            for account in &page.items {
                let until = account.generation_at.plus(REVOCATION_MEMORY);
                self.revoke.revoke_before(account.id.0, account.generation, until).await?;
            }
            after = page.next;
        }
        after = first;
        while after.is_some() {
            let page = self.clients.deleted(PageRequest { size: BATCH, after }).await?;
            for client in &page.items {
                let until = client.at.plus(REVOCATION_MEMORY);
                self.revoke.revoke_before(client.id.0, MachineClient::DELETED_GENERATION, until).await?;
            }
            after = page.next;
        }
        Ok(())
    }

    /// Changes the signing key when its turn is over, and forgets sessions that ended long ago.
    pub async fn tidy(&self) -> Result<(), Error> {
        self.signer.rotate_when_due().await?;
        let before = self.clock.now().minus(SESSION_MEMORY);
        while self.users.forget_sessions(before).await? > 0 {}
        Ok(())
    }
}
