//! The tables of detectors.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, SchemaManager};
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, double, double_null, integer, small_integer, small_integer_null, text, uuid,
};

use super::rows::{detector, event};

/// Every migration, oldest first.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateDetectors)]
}

struct CreateDetectors;

impl MigrationName for CreateDetectors {
    fn name(&self) -> &str {
        "traffic_0100_create_detectors"
    }
}

#[async_trait]
impl MigrationTrait for CreateDetectors {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use detector::Column as C;
        let table = Table::create()
            .table(detector::Entity)
            .col(ColumnDef::new(C::Number).integer().not_null().auto_increment().primary_key())
            .col(text(C::Id).unique_key())
            .col(text(C::Name))
            .col(small_integer(C::Kind))
            .col(double_null(C::Latitude))
            .col(double_null(C::Longitude))
            .col(text(C::SegmentId))
            .col(double(C::SegmentOffsetM))
            .col(small_integer(C::Lane))
            .col(integer(C::Period))
            .col(boolean(C::Retired))
            .col(small_integer_null(C::Broken))
            .col(big_integer_null(C::HealthTime))
            .col(small_integer(C::Health))
            .col(big_integer(C::CreateTime))
            .col(big_integer(C::UpdateTime))
            .col(big_integer(C::Version))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create().name("detector_segment").table(detector::Entity).col(C::SegmentId).to_owned();
        manager.create_index(index).await?;
        use event::Column as E;
        let table = Table::create()
            .table(event::Entity)
            .col(uuid(E::Id).primary_key())
            .col(integer(E::Detector))
            .col(small_integer(E::Rule))
            .col(boolean(E::Broken))
            .col(big_integer(E::Since))
            .col(big_integer(E::Found))
            .col(text(E::Detail))
            .to_owned();
        manager.create_table(table).await?;
        let index = |name: &str, columns: &[E]| {
            let mut index = Index::create();
            columns.iter().fold(index.name(name).table(event::Entity), |index, column| index.col(*column)).to_owned()
        };
        manager.create_index(index("detector_health_event_found", &[E::Found, E::Id])).await?;
        manager.create_index(index("detector_health_event_detector", &[E::Detector, E::Found, E::Id])).await
    }
}
