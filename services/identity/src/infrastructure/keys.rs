//! Signing keys in the database.

use async_trait::async_trait;
use kvartal_kernel::Error;
use kvartal_store::{Store, db_error};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::rows::signing_key::{Column, Entity};
use super::rows::{key_of, key_ring, key_row};
use crate::application::{KeyChange, SigningKeys};
use crate::domain::KeyRing;

/// Signing keys in the database.
pub struct StoredKeys {
    store: Store,
}

impl StoredKeys {
    /// Signing keys in this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl SigningKeys for StoredKeys {
    async fn read(&self) -> Result<KeyRing, Error> {
        ring(self.store.reader()).await
    }

    async fn change(&self, change: KeyChange) -> Result<KeyRing, Error> {
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    // Locked first and read after: what another replica has changed meanwhile is seen.
                    key_ring::Entity::find().lock_exclusive().one(tx).await.map_err(db_error)?;
                    let before = ring(tx).await?;
                    let mut after = before.clone();
                    change(&mut after)?;
                    save(tx, &before, &after).await?;
                    Ok(after)
                })
            })
            .await
    }
}

async fn ring(db: &impl ConnectionTrait) -> Result<KeyRing, Error> {
    let rows = Entity::find().order_by_asc(Column::SignsFrom).all(db).await.map_err(db_error)?;
    Ok(KeyRing { keys: rows.into_iter().map(key_of).collect::<Result<_, _>>()? })
}

/// Writes what differs. Changed keys go before new ones: the next key must have moved on before another is stored.
async fn save(tx: &DatabaseTransaction, before: &KeyRing, after: &KeyRing) -> Result<(), Error> {
    let gone = before.keys.iter().filter(|key| after.keys.iter().all(|kept| kept.kid != key.kid));
    let gone: Vec<&str> = gone.map(|key| key.kid.as_str()).collect();
    if !gone.is_empty() {
        Entity::delete_many().filter(Column::Kid.is_in(gone)).exec(tx).await.map_err(db_error)?;
    }
    let known = |kid: &str| before.keys.iter().find(|key| key.kid == kid);
    for key in after.keys.iter().filter(|key| known(&key.kid).is_some_and(|known| known != *key)) {
        Entity::update(key_row(key)).exec_without_returning(tx).await.map_err(db_error)?;
    }
    for key in after.keys.iter().filter(|key| known(&key.kid).is_none()) {
        Entity::insert(key_row(key)).exec_without_returning(tx).await.map_err(db_error)?;
    }
    Ok(())
}
