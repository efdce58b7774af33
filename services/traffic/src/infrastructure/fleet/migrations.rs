//! The tables of patrols and cameras.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::prelude::{ColumnDef, Index, MigrationName, MigrationTrait, SchemaManager, Table};
use sea_orm_migration::schema::{
    big_integer, big_integer_null, double, double_null, integer, small_integer, text, uuid_null,
};

use super::rows::{camera, camera_frame, patrol, patrol_position};

/// Oldest first.
pub(in crate::infrastructure) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateFleet)]
}

struct CreateFleet;

impl MigrationName for CreateFleet {
    fn name(&self) -> &str {
        "traffic_fleet_0001_create_tables"
    }
}

#[async_trait]
impl MigrationTrait for CreateFleet {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        patrols(manager).await?;
        cameras(manager).await
    }
}

async fn patrols(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use {patrol::Column as P, patrol_position::Column as T};
    let table = Table::create()
        .table(patrol::Entity)
        .col(text(P::Name).primary_key())
        .col(text(P::CallSign))
        .col(text(P::Vehicle))
        .col(text(P::Members))
        .col(small_integer(P::Status))
        .col(big_integer(P::StatusTime))
        .col(double_null(P::Latitude))
        .col(double_null(P::Longitude))
        .col(double(P::HeadingDegrees))
        .col(double(P::SpeedKmh))
        .col(big_integer_null(P::PositionTime))
        .col(uuid_null(P::IncidentId))
        .col(double_null(P::PlaceLatitude))
        .col(double_null(P::PlaceLongitude))
        .col(big_integer(P::Version))
        .to_owned();
    manager.create_table(table).await?;
    let table = Table::create()
        .table(patrol_position::Entity)
        .col(text(T::Patrol))
        .col(big_integer(T::Time))
        .col(double(T::Latitude))
        .col(double(T::Longitude))
        .col(double(T::HeadingDegrees))
        .col(double(T::SpeedKmh))
        .primary_key(Index::create().col(T::Patrol).col(T::Time))
        .to_owned();
    manager.create_table(table).await?;
    let index = Index::create().name("patrol_position_by_time").table(patrol_position::Entity).col(T::Time).to_owned();
    manager.create_index(index).await
}

async fn cameras(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use {camera::Column as C, camera_frame::Column as F};
    let table = Table::create()
        .table(camera::Entity)
        .col(text(C::Name).primary_key())
        .col(text(C::DisplayName))
        .col(double(C::Latitude))
        .col(double(C::Longitude))
        .col(text(C::Segment))
        .col(double(C::HeadingDegrees))
        .col(integer(C::PeriodS))
        .col(big_integer_null(C::FrameTime))
        .col(big_integer(C::Fingerprint))
        .col(integer(C::Repeated))
        .col(double(C::Brightness))
        .col(big_integer(C::Version))
        .to_owned();
    manager.create_table(table).await?;
    let table = Table::create()
        .table(camera_frame::Entity)
        .col(text(F::Camera).primary_key())
        .col(big_integer(F::Time))
        .col(ColumnDef::new(F::Content).blob().not_null())
        .to_owned();
    manager.create_table(table).await
}
