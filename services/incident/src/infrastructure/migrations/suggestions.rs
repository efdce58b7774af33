//! The tables of suggestions, and what an incident keeps of them.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::prelude::{Index, MigrationName, MigrationTrait, SchemaManager, Table};
use sea_orm_migration::schema::{big_integer, double, small_integer, text, text_null, uuid, uuid_null};

use crate::infrastructure::rows::{failed_detector, incident, suggestion, suggestion_member};

pub(super) struct CreateSuggestions;

impl MigrationName for CreateSuggestions {
    fn name(&self) -> &str {
        "incident_0005_create_suggestions"
    }
}

#[async_trait]
impl MigrationTrait for CreateSuggestions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Table::alter().table(incident::Entity).add_column(text_null(incident::Column::Traffic)).to_owned();
        manager.alter_table(column).await?;
        suggestions(manager).await?;
        use failed_detector::Column as D;
        let table = Table::create()
            .table(failed_detector::Entity)
            .col(text(D::Id).primary_key())
            .col(text(D::Name))
            .col(double(D::Latitude))
            .col(double(D::Longitude))
            .col(text(D::Segment))
            .col(big_integer(D::FailTime))
            .to_owned();
        manager.create_table(table).await?;
        let index =
            Index::create().name("failed_detector_by_time").table(failed_detector::Entity).col(D::FailTime).to_owned();
        manager.create_index(index).await
    }
}

async fn suggestions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use suggestion::Column as C;
    let table = Table::create()
        .table(suggestion::Entity)
        .col(uuid(C::Id).primary_key())
        .col(small_integer(C::Kind))
        .col(small_integer(C::Status))
        .col(text(C::Members))
        .col(text(C::Points))
        .col(text(C::Road))
        .col(text(C::Segments))
        .col(double(C::QueueM))
        .col(uuid_null(C::IncidentId))
        .col(text(C::Reason))
        .col(text(C::Actor))
        .col(big_integer(C::CreateTime))
        .col(big_integer(C::UpdateTime))
        .col(big_integer(C::Version))
        .to_owned();
    manager.create_table(table).await?;
    for (name, columns) in [
        ("suggestion_by_time", vec![C::CreateTime, C::Id]),
        ("suggestion_by_status", vec![C::Status, C::CreateTime, C::Id]),
        ("suggestion_by_update", vec![C::Status, C::UpdateTime]),
    ] {
        let mut index = Index::create().name(name).table(suggestion::Entity).to_owned();
        for column in columns {
            index.col(column);
        }
        manager.create_index(index).await?;
    }
    use suggestion_member::Column as M;
    let table = Table::create()
        .table(suggestion_member::Entity)
        .col(uuid(M::SuggestionId))
        .col(text(M::Member))
        .primary_key(Index::create().col(M::SuggestionId).col(M::Member))
        .to_owned();
    manager.create_table(table).await?;
    let index =
        Index::create().name("suggestion_member_by_member").table(suggestion_member::Entity).col(M::Member).to_owned();
    manager.create_index(index).await
}
