//! The tables of forecasts.

use async_trait::async_trait;
use sea_orm::sea_query::{Index, Table};
use sea_orm::{DbErr, EntityTrait, IntoActiveModel};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, SchemaManager};
use sea_orm_migration::schema::{big_integer, big_integer_null, double, small_integer, text};

use super::rows::{head, issue, tally};

/// Every migration, oldest first.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateForecasts)]
}

struct CreateForecasts;

impl MigrationName for CreateForecasts {
    fn name(&self) -> &str {
        "traffic_0210_create_forecasts"
    }
}

#[async_trait]
impl MigrationTrait for CreateForecasts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use issue::Column as I;
        let issues = Table::create()
            .table(issue::Entity)
            .col(big_integer(I::Origin))
            .col(text(I::DetectorId))
            .col(double(I::Last))
            .col(text(I::Forecasts))
            .primary_key(&mut Index::create().col(I::Origin).col(I::DetectorId).to_owned())
            .to_owned();
        manager.create_table(issues).await?;
        let mut by_detector = Index::create();
        by_detector.name("forecast_issue_by_detector").table(issue::Entity).col(I::DetectorId).col(I::Origin);
        manager.create_index(by_detector).await?;
        use tally::Column as T;
        let tallies = Table::create()
            .table(tally::Entity)
            .col(big_integer(T::Day))
            .col(text(T::Model))
            .col(small_integer(T::Horizon))
            .col(big_integer(T::Count))
            .col(double(T::Absolute))
            .col(double(T::Squared))
            .col(double(T::Naive))
            .col(big_integer(T::Intervals))
            .col(big_integer(T::Covered))
            .col(text(T::Bins))
            .primary_key(&mut Index::create().col(T::Day).col(T::Model).col(T::Horizon).to_owned())
            .to_owned();
        manager.create_table(tallies).await?;
        use head::Column as H;
        let heads = Table::create()
            .table(head::Entity)
            .col(small_integer(H::Id).primary_key())
            .col(big_integer(H::Version))
            .col(big_integer_null(H::Issued))
            .col(big_integer_null(H::Scored))
            .to_owned();
        manager.create_table(heads).await?;
        let first = head::Model { id: 1, version: 0, issued: None, scored: None };
        head::Entity::insert(first.into_active_model()).exec_without_returning(manager.get_connection()).await?;
        Ok(())
    }
}
