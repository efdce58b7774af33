//! The tables of the network.

use async_trait::async_trait;
use sea_orm::{ActiveModelTrait as _, DbErr, Set};
use sea_orm_migration::prelude::{Index, MigrationName, MigrationTrait, SchemaManager, Table};
use sea_orm_migration::schema::{big_integer, boolean, double, integer, small_integer, text};

use super::rows::{district, segment, state};

/// Oldest first.
pub(in crate::infrastructure) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateNetwork)]
}

struct CreateNetwork;

impl MigrationName for CreateNetwork {
    fn name(&self) -> &str {
        "traffic_network_0001_create_tables"
    }
}

#[async_trait]
impl MigrationTrait for CreateNetwork {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use {district::Column as D, segment::Column as S, state::Column as N};
        let table = Table::create()
            .table(state::Entity)
            .col(small_integer(N::Id).primary_key())
            .col(big_integer(N::Revision))
            .col(big_integer(N::Segments))
            .to_owned();
        manager.create_table(table).await?;
        let row = state::ActiveModel { id: Set(state::ONLY), revision: Set(0), segments: Set(0) };
        row.insert(manager.get_connection()).await?;

        let table = Table::create()
            .table(segment::Entity)
            .col(text(S::Name).primary_key())
            .col(text(S::DisplayName))
            .col(text(S::Corridor))
            .col(double(S::CorridorOffsetM))
            .col(text(S::Geometry))
            .col(small_integer(S::Class))
            .col(double(S::SpeedLimitKmh))
            .col(integer(S::Lanes))
            .col(text(S::Next))
            .col(big_integer(S::CreateTime))
            .col(big_integer(S::UpdateTime))
            .col(big_integer(S::Version))
            .col(big_integer(S::Revision))
            .col(boolean(S::Removed))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create().name("segment_by_revision").table(segment::Entity).col(S::Revision).to_owned();
        manager.create_index(index).await?;

        let table = Table::create()
            .table(district::Entity)
            .col(text(D::Name).primary_key())
            .col(text(D::NameRu))
            .col(text(D::NameEn))
            .col(text(D::Boundary))
            .col(big_integer(D::Version))
            .col(big_integer(D::Revision))
            .col(boolean(D::Removed))
            .to_owned();
        manager.create_table(table).await
    }
}
