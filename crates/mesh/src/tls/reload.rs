//! Following the folder of an identity.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::Error;
use tokio_util::sync::CancellationToken;

use super::material::{Files, Material};
use super::{Identity, invalid};

/// How often the folder is read. Three small files: reading them costs less than being clever about their dates, which a
/// swap of symbolic links or a coarse clock can hide.
pub(super) const EVERY: Duration = Duration::from_secs(1);

impl Identity {
    /// Follows the folder until `stop`. What is not complete and valid is tried again and never replaces what is; it is
    /// logged once.
    pub async fn run(self, stop: CancellationToken) {
        while tokio::time::timeout(EVERY, stop.cancelled()).await.is_err() {
            let identity = self.clone();
            // Only a runtime that is going down does not run it to its end.
            let _ = tokio::task::spawn_blocking(move || identity.look()).await;
        }
    }

    /// Looks once, for whoever cannot wait; true when the content was taken over.
    pub fn look(&self) -> bool {
        let files = Files::read(&self.0.folder);
        let digest = files.as_ref().ok().map(Files::digest);
        if digest == Some(self.watch().digest) {
            // What was wrong in between is over, and what is in use is there again.
            let mut watch = self.watch();
            (watch.error, watch.refused) = (None, None);
            return false;
        }
        let now = self.0.clock.now();
        match files.and_then(|files| Material::check(&files, now)).and_then(|material| self.same_name(material)) {
            Ok(material) => {
                self.take_over(material, digest.unwrap_or_default());
                true
            }
            Err(error) => {
                self.refuse(&error, digest);
                false
            }
        }
    }

    /// Peers know us by name: a folder that suddenly holds somebody else is a mistake of whoever filled it.
    fn same_name(&self, material: Material) -> Result<Material, Error> {
        if material.name == self.0.name {
            return Ok(material);
        }
        Err(invalid(format!("the folder holds the identity of {} now", material.name)))
    }

    fn take_over(&self, material: Material, digest: [u8; 32]) {
        let (name, serial, expires) = (&self.0.name, material.serial.clone(), material.expires);
        self.0.material.store(Arc::new(material));
        let mut watch = self.watch();
        watch.digest = digest;
        watch.loads += 1;
        (watch.error, watch.refused) = (None, None);
        drop(watch);
        tracing::info!(%name, serial, %expires, "a new certificate or bundle is in use");
    }

    /// The same content is told once, even though what is wrong with it may read differently every second.
    fn refuse(&self, error: &Error, digest: Option<[u8; 32]>) {
        let text = error.chain();
        let mut watch = self.watch();
        let told = watch.refused == Some(digest);
        watch.refused = Some(digest);
        watch.error = Some(text.clone());
        if told {
            return;
        }
        watch.failures += 1;
        drop(watch);
        tracing::error!(name = %self.0.name, error = text, "the folder of an identity is not usable; what was before stays");
    }
}
