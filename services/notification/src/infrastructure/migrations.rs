//! The tables.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, small_integer, text, text_null, uuid,
};

use super::areas::CreateAreas;
use super::rows::{confidence, delivery, inbox, notification, outbox, preference};

/// Every migration, oldest first.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateTables), Box::new(CreateAreas)]
}

struct CreateTables;

impl MigrationName for CreateTables {
    fn name(&self) -> &str {
        "notification_0001_create_tables"
    }
}

#[async_trait]
impl MigrationTrait for CreateTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        notifications(manager).await?;
        deliveries(manager).await?;
        let preferences = Table::create()
            .table(preference::Entity)
            .col(uuid(preference::Column::UserId))
            .col(small_integer(preference::Column::Kind))
            .col(boolean(preference::Column::InApp))
            .col(boolean(preference::Column::Email))
            .primary_key(Index::create().col(preference::Column::UserId).col(preference::Column::Kind))
            .to_owned();
        manager.create_table(preferences).await?;
        let outbox = Table::create()
            .table(outbox::Entity)
            .col(uuid(outbox::Column::DeliveryId).primary_key())
            .col(big_integer(outbox::Column::CreateTime))
            .col(text(outbox::Column::Recipient))
            .col(text(outbox::Column::Subject))
            .col(text(outbox::Column::Body))
            .to_owned();
        manager.create_table(outbox).await
    }
}

async fn notifications(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use notification::{Column, Entity};
    let table = Table::create()
        .table(Entity)
        .col(uuid(Column::Id).primary_key())
        .col(uuid(Column::EventId))
        .col(uuid(Column::UserId))
        .col(small_integer(Column::Kind))
        .col(text(Column::Subject))
        .col(text(Column::Link))
        .col(text(Column::Data))
        .col(big_integer(Column::Sequence))
        .col(boolean(Column::Archived))
        .col(big_integer(Column::CreateTime))
        .col(big_integer_null(Column::ReadTime))
        .to_owned();
    manager.create_table(table).await?;
    let once = Index::create()
        .name("notifications_once")
        .table(Entity)
        .col(Column::EventId)
        .col(Column::UserId)
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let inbox = Index::create()
        .name("notifications_by_inbox")
        .table(Entity)
        .col(Column::UserId)
        .col(Column::Archived)
        .col(Column::Sequence)
        .to_owned();
    manager.create_index(inbox).await?;
    let inboxes = Table::create()
        .table(inbox::Entity)
        .col(uuid(inbox::Column::UserId).primary_key())
        .col(big_integer(inbox::Column::LastSequence))
        .col(big_integer(inbox::Column::UnreadCount))
        .to_owned();
    manager.create_table(inboxes).await
}

async fn deliveries(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use delivery::{Column, Entity};
    let table = Table::create()
        .table(Entity)
        .col(uuid(Column::Id).primary_key())
        .col(uuid(Column::NotificationId))
        .col(uuid(Column::EventId))
        .col(uuid(Column::UserId))
        .col(small_integer(Column::Kind))
        .col(small_integer(Column::Channel))
        .col(small_integer(Column::State))
        .col(integer(Column::AttemptCount))
        .col(text(Column::LastError))
        .col(big_integer(Column::CreateTime))
        .col(big_integer_null(Column::AttemptTime))
        .col(big_integer_null(Column::NextAttemptTime))
        .to_owned();
    manager.create_table(table).await?;
    let once = Index::create()
        .name("deliveries_once")
        .table(Entity)
        .col(Column::EventId)
        .col(Column::UserId)
        .col(Column::Channel)
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    for (name, first) in [
        ("deliveries_by_time", None),
        ("deliveries_by_user", Some(Column::UserId)),
        ("deliveries_by_state", Some(Column::State)),
    ] {
        let mut index = Index::create().name(name).table(Entity).to_owned();
        if let Some(first) = first {
            index.col(first);
        }
        manager.create_index(index.col(Column::CreateTime).col(Column::Id).to_owned()).await?;
    }
    let confidences = Table::create()
        .table(confidence::Entity)
        .col(uuid(confidence::Column::DeliveryId).primary_key())
        .col(text_null(confidence::Column::Email))
        .col(text(confidence::Column::DisplayName))
        .col(text(confidence::Column::Locale))
        .col(text(confidence::Column::Secrets))
        .col(big_integer_null(confidence::Column::ExpireTime))
        .to_owned();
    manager.create_table(confidences).await
}
