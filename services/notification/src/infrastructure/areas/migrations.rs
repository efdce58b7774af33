//! The tables of followed areas.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, double, small_integer, text, uuid};

use super::rows::{followed, message, news};

pub(crate) struct CreateAreas;

impl MigrationName for CreateAreas {
    fn name(&self) -> &str {
        "notification_0002_create_areas"
    }
}

#[async_trait]
impl MigrationTrait for CreateAreas {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        followed_areas(manager).await?;
        let table = Table::create()
            .table(news::Entity)
            .col(uuid(news::Column::AreaId))
            .col(small_integer(news::Column::Kind))
            .col(text(news::Column::Subject))
            .col(text(news::Column::Spot))
            .col(text(news::Column::Line))
            .col(text(news::Column::Link))
            .col(big_integer(news::Column::CreateTime))
            .col(big_integer_null(news::Column::ToldTime))
            .primary_key(Index::create().col(news::Column::AreaId).col(news::Column::Kind).col(news::Column::Subject))
            .to_owned();
        manager.create_table(table).await?;
        let by_subject =
            Index::create().name("area_news_by_subject").table(news::Entity).col(news::Column::Subject).to_owned();
        manager.create_index(by_subject).await?;
        let table = Table::create()
            .table(message::Entity)
            .col(uuid(message::Column::AreaId))
            .col(small_integer(message::Column::Kind))
            .col(big_integer_null(message::Column::ReadyTime))
            .col(big_integer(message::Column::QuietUntil))
            .primary_key(Index::create().col(message::Column::AreaId).col(message::Column::Kind))
            .to_owned();
        manager.create_table(table).await?;
        let by_time = Index::create()
            .name("area_messages_by_time")
            .table(message::Entity)
            .col(message::Column::ReadyTime)
            .to_owned();
        manager.create_index(by_time).await
    }
}

async fn followed_areas(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use followed::{Column, Entity};
    let table = Table::create()
        .table(Entity)
        .col(uuid(Column::Id).primary_key())
        .col(uuid(Column::UserId))
        .col(text(Column::Name))
        .col(text(Column::PlaceKey))
        .col(text(Column::Place))
        .col(double(Column::South))
        .col(double(Column::West))
        .col(double(Column::North))
        .col(double(Column::East))
        .col(small_integer(Column::Topics))
        .col(big_integer(Column::CreateTime))
        .col(big_integer(Column::Version))
        .to_owned();
    manager.create_table(table).await?;
    let once = Index::create()
        .name("followed_areas_once")
        .table(Entity)
        .col(Column::UserId)
        .col(Column::PlaceKey)
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let by_box =
        Index::create().name("followed_areas_by_box").table(Entity).col(Column::South).col(Column::North).to_owned();
    manager.create_index(by_box).await
}
