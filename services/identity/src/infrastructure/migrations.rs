//! The tables of identity.

use async_trait::async_trait;
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait as _};
use sea_orm_migration::MigrationTrait;
use sea_orm_migration::prelude::{Index, IndexCreateStatement, IntoIden, MigrationName, SchemaManager, Table};
use sea_orm_migration::schema::{
    big_integer, big_integer_null, blob, blob_null, boolean, integer, small_integer, small_integer_null, text,
    text_null, uuid,
};

use super::rows::{account, account_role, key_ring, machine_client, search_key, session, signing_key};

/// Everything the service needs in its database.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateTables), Box::new(AddSearchKeys)]
}

struct CreateTables;

impl MigrationName for CreateTables {
    fn name(&self) -> &str {
        "identity_0001_tables"
    }
}

#[async_trait]
impl MigrationTrait for CreateTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_account(manager).await?;
        create_session(manager).await?;
        create_machine_client(manager).await?;
        create_signing_key(manager).await
    }
}

struct AddSearchKeys;

impl MigrationName for AddSearchKeys {
    fn name(&self) -> &str {
        "identity_0002_search_keys"
    }
}

#[async_trait]
impl MigrationTrait for AddSearchKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use account::{Column, Entity};
        let column = text(Column::SearchKey).default("").to_owned();
        manager.alter_table(Table::alter().table(Entity).add_column(column).to_owned()).await?;
        let database = manager.get_connection();
        for row in Entity::find().all(database).await? {
            let search_key = Set(search_key(&row.display_name, &row.email_key));
            let changed = account::ActiveModel { id: Set(row.id), search_key, ..Default::default() };
            Entity::update(changed).exec_without_returning(database).await?;
        }
        Ok(())
    }
}

async fn create_account(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use account::{Column, Entity};
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(uuid(Column::Id).primary_key())
                .col(text(Column::Email))
                .col(text(Column::EmailKey))
                .col(boolean(Column::EmailConfirmed))
                .col(text(Column::Password))
                .col(text(Column::DisplayName))
                .col(text(Column::Locale))
                .col(text(Column::TimeZone))
                .col(text_null(Column::Phone))
                .col(integer(Column::Roles))
                .col(big_integer(Column::Generation))
                .col(big_integer(Column::GenerationAt))
                .col(blob_null(Column::ConfirmationHash))
                .col(big_integer_null(Column::ConfirmationExpiresAt))
                .col(blob_null(Column::ResetHash))
                .col(big_integer_null(Column::ResetExpiresAt))
                .col(big_integer(Column::CreatedAt))
                .col(big_integer(Column::Version))
                .to_owned(),
        )
        .await?;
    manager.create_index(index("account_email", Entity, [Column::EmailKey]).unique().to_owned()).await?;
    manager.create_index(index("account_confirmation", Entity, [Column::ConfirmationHash]).unique().to_owned()).await?;
    manager.create_index(index("account_reset", Entity, [Column::ResetHash]).unique().to_owned()).await?;
    manager.create_index(index("account_newest", Entity, [Column::CreatedAt, Column::Id])).await?;
    manager.create_index(index("account_changed", Entity, [Column::GenerationAt, Column::Id])).await?;

    use account_role as role;
    manager
        .create_table(
            Table::create()
                .table(role::Entity)
                .col(uuid(role::Column::UserId))
                .col(small_integer(role::Column::Role))
                .col(big_integer(role::Column::CreatedAt))
                .primary_key(Index::create().col(role::Column::UserId).col(role::Column::Role))
                .to_owned(),
        )
        .await?;
    let newest = [role::Column::Role, role::Column::CreatedAt, role::Column::UserId];
    manager.create_index(index("account_role_newest", role::Entity, newest)).await
}

async fn create_session(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use session::{Column, Entity};
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(uuid(Column::Id).primary_key())
                .col(uuid(Column::UserId))
                .col(blob(Column::Family))
                .col(blob(Column::Turn))
                .col(text(Column::UserAgent))
                .col(text(Column::Address))
                .col(big_integer(Column::CreatedAt))
                .col(big_integer(Column::LastSeenAt))
                .col(big_integer_null(Column::EndedAt))
                .col(small_integer_null(Column::Reason))
                .to_owned(),
        )
        .await?;
    manager.create_index(index("session_family", Entity, [Column::Family]).unique().to_owned()).await?;
    manager.create_index(index("session_user", Entity, [Column::UserId, Column::EndedAt])).await?;
    manager.create_index(index("session_ended", Entity, [Column::EndedAt, Column::Id])).await?;
    manager.create_index(index("session_seen", Entity, [Column::LastSeenAt])).await
}

async fn create_machine_client(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use machine_client::{Column, Entity};
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(uuid(Column::Id).primary_key())
                .col(text(Column::DisplayName))
                .col(integer(Column::Roles))
                .col(blob(Column::Secret))
                .col(big_integer(Column::CreatedAt))
                .col(big_integer_null(Column::DeletedAt))
                .to_owned(),
        )
        .await?;
    manager.create_index(index("machine_client_newest", Entity, [Column::CreatedAt, Column::Id])).await?;
    manager.create_index(index("machine_client_deleted", Entity, [Column::DeletedAt, Column::Id])).await
}

async fn create_signing_key(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use signing_key::{Column, Entity};
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(text(Column::Kid).primary_key())
                .col(blob(Column::Public))
                .col(blob(Column::Sealed))
                .col(big_integer(Column::PublishedAt))
                .col(big_integer(Column::SignsFrom))
                .to_owned(),
        )
        .await?;
    manager.create_index(index("signing_key_turn", Entity, [Column::SignsFrom]).unique().to_owned()).await?;

    use key_ring as ring;
    let table = Table::create().table(ring::Entity).col(small_integer(ring::Column::Id).primary_key()).to_owned();
    manager.create_table(table).await?;
    let row = ring::ActiveModel { id: Set(1) };
    ring::Entity::insert(row).exec_without_returning(manager.get_connection()).await?;
    Ok(())
}

fn index<C: IntoIden, const N: usize>(
    name: &str,
    table: impl sea_orm::EntityTrait,
    columns: [C; N],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(column.into_iden());
    }
    index
}
