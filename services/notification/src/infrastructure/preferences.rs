//! Preferences in the database.

use std::collections::HashMap;

use async_trait::async_trait;
use kvartal_kernel::{Error, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};

use super::rows::preference::{ActiveModel, Column, Entity, Model};
use crate::application::StoredPreferences;
use crate::domain::{Channels, Choice, Kind, Preferences, UserId};

/// Preferences in a database.
pub(crate) struct PreferenceTable {
    store: Store,
}

impl PreferenceTable {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl StoredPreferences for PreferenceTable {
    async fn get(&self, user: UserId) -> Result<Preferences, Error> {
        Ok(of(self.store.reader(), &[user.0]).await?.remove(&user.0).unwrap_or_default())
    }

    async fn put(&self, user: UserId, choices: Vec<Choice>) -> Result<Preferences, Error> {
        self.store.transaction(move |tx| Box::pin(put(tx, user, choices))).await
    }
}

async fn put(tx: &DatabaseTransaction, user: UserId, choices: Vec<Choice>) -> Result<Preferences, Error> {
    // Critical kinds hold no choice, so nothing is stored that a later rule might take for one.
    let rows = choices.into_iter().filter(|choice| !choice.kind.is_critical()).map(|choice| ActiveModel {
        user_id: Set(user.0),
        kind: Set(choice.kind.number()),
        in_app: Set(choice.channels.in_app),
        email: Set(choice.channels.email),
    });
    for row in rows {
        let change = OnConflict::columns([Column::UserId, Column::Kind])
            .update_columns([Column::InApp, Column::Email])
            .to_owned();
        Entity::insert(row).on_conflict(change).exec_without_returning(tx).await.map_err(db_error)?;
    }
    Ok(of(tx, &[user.0]).await?.remove(&user.0).unwrap_or_default())
}

/// What these people chose; those who chose nothing are left out.
pub(super) async fn of(db: &impl ConnectionTrait, users: &[Uuid]) -> Result<HashMap<Uuid, Preferences>, Error> {
    /// Ids in one statement.
    const CHUNK: usize = 500;
    let mut chosen: HashMap<Uuid, Vec<Choice>> = HashMap::new();
    for users in users.chunks(CHUNK) {
        let rows: Vec<Model> =
            Entity::find().filter(Column::UserId.is_in(users.iter().copied())).all(db).await.map_err(db_error)?;
        for row in rows {
            if let Some(kind) = Kind::from_number(row.kind) {
                let channels = Channels { in_app: row.in_app, email: row.email };
                chosen.entry(row.user_id).or_default().push(Choice { kind, channels });
            }
        }
    }
    Ok(chosen.into_iter().map(|(user, choices)| (user, Preferences::new(choices))).collect())
}
