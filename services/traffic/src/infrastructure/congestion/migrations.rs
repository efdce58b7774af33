//! The tables of congestion.

use async_trait::async_trait;
use sea_orm::sea_query::{
    ConditionalStatement, Expr, ExprTrait, Index, IndexCreateStatement, IntoIden, Table, TableCreateStatement,
};
use sea_orm::{DbErr, EntityTrait, IntoActiveModel};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, SchemaManager};
use sea_orm_migration::schema::{
    big_integer, big_integer_null, double, double_null, small_integer, small_integer_null, text, uuid, uuid_null,
};

use super::rows::{dirty, free_flow, free_flow_head, head, jam, level, moment, score, tracker, warning};

/// Every migration, oldest first.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateCongestion), Box::new(CreateFreeFlow)]
}

struct CreateCongestion;

impl MigrationName for CreateCongestion {
    fn name(&self) -> &str {
        "traffic_0200_create_congestion"
    }
}

#[async_trait]
impl MigrationTrait for CreateCongestion {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [levels(), heads(), trackers(), marks(), jams(), moments(), warnings(), scores()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let first = head::Model { id: 1, version: 0, done: None, redo: None };
        head::Entity::insert(first.into_active_model()).exec_without_returning(manager.get_connection()).await?;
        Ok(())
    }
}

struct CreateFreeFlow;

impl MigrationName for CreateFreeFlow {
    fn name(&self) -> &str {
        "traffic_0210_create_free_flow"
    }
}

#[async_trait]
impl MigrationTrait for CreateFreeFlow {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use free_flow::Column as C;
        let mut table = Table::create();
        table.table(free_flow::Entity).col(text(C::SegmentId).primary_key()).col(double(C::SpeedKmh));
        manager.create_table(table.to_owned()).await?;
        use free_flow_head::Column as H;
        let mut head = Table::create();
        head.table(free_flow_head::Entity).col(small_integer(H::Id).primary_key()).col(big_integer(H::Revision));
        manager.create_table(head.to_owned()).await?;
        let first = free_flow_head::Model { id: 1, revision: 0 };
        let insert = free_flow_head::Entity::insert(first.into_active_model());
        insert.exec_without_returning(manager.get_connection()).await.map(|_| ())
    }
}

fn levels() -> TableCreateStatement {
    use level::Column as C;
    let key = Index::create().col(C::SegmentId).col(C::Step).to_owned();
    let mut table = Table::create();
    table.table(level::Entity).col(text(C::SegmentId)).col(big_integer(C::Step)).col(small_integer_null(C::Level));
    table.primary_key(&mut key.clone()).to_owned()
}

fn heads() -> TableCreateStatement {
    use head::Column as C;
    let mut table = Table::create();
    table.table(head::Entity).col(small_integer(C::Id).primary_key()).col(big_integer(C::Version));
    table.col(big_integer_null(C::Done)).col(big_integer_null(C::Redo)).to_owned()
}

fn trackers() -> TableCreateStatement {
    use tracker::Column as C;
    Table::create().table(tracker::Entity).col(big_integer(C::Step).primary_key()).col(text(C::State)).to_owned()
}

fn marks() -> TableCreateStatement {
    use dirty::Column as C;
    Table::create().table(dirty::Entity).col(big_integer(C::Step).primary_key()).col(big_integer(C::Mark)).to_owned()
}

fn jams() -> TableCreateStatement {
    use jam::Column as C;
    Table::create()
        .table(jam::Entity)
        .col(uuid(C::Id).primary_key())
        .col(small_integer(C::Rule))
        .col(big_integer(C::StartStep))
        .col(big_integer(C::FoundStep))
        .col(big_integer_null(C::EndStep))
        .col(big_integer_null(C::ClosedStep))
        .col(uuid_null(C::IntoId))
        .col(big_integer(C::UpdateStep))
        .col(text(C::Segments))
        .col(text(C::Districts))
        .col(text(C::Corridor))
        .col(text(C::Name))
        .col(double_null(C::Latitude))
        .col(double_null(C::Longitude))
        .col(double_null(C::South))
        .col(double_null(C::West))
        .col(double_null(C::North))
        .col(double_null(C::East))
        .col(double(C::QueueM))
        .col(double(C::PeakM))
        .col(double(C::MeanSpeedKmh))
        .col(double(C::DelayS))
        .col(small_integer(C::Level))
        .to_owned()
}

fn moments() -> TableCreateStatement {
    use moment::Column as C;
    Table::create()
        .table(moment::Entity)
        .col(uuid(C::JamId))
        .col(big_integer(C::Step))
        .col(text(C::Segments))
        .col(double(C::QueueM))
        .col(double(C::PeakM))
        .col(double(C::MeanSpeedKmh))
        .col(double(C::DelayS))
        .col(small_integer(C::Level))
        .col(uuid_null(C::AbsorbedId))
        .primary_key(&mut Index::create().col(C::JamId).col(C::Step).to_owned())
        .to_owned()
}

fn warnings() -> TableCreateStatement {
    use warning::Column as C;
    Table::create()
        .table(warning::Entity)
        .col(uuid(C::Id).primary_key())
        .col(small_integer(C::Rule))
        .col(text(C::SegmentId))
        .col(text(C::ComparedSegmentId))
        .col(text(C::DetectorId))
        .col(text(C::ComparedDetectorId))
        .col(double_null(C::Latitude))
        .col(double_null(C::Longitude))
        .col(double(C::SpeedKmh))
        .col(double(C::UpstreamKmh))
        .col(big_integer(C::StartStep))
        .col(big_integer(C::FoundStep))
        .col(big_integer_null(C::EndStep))
        .col(big_integer_null(C::ClosedStep))
        .to_owned()
}

fn scores() -> TableCreateStatement {
    use score::Column as C;
    Table::create()
        .table(score::Entity)
        .col(text(C::DistrictId))
        .col(big_integer(C::Step))
        .col(double(C::Value))
        .col(double(C::Coverage))
        .col(double(C::JamM))
        .primary_key(&mut Index::create().col(C::DistrictId).col(C::Step).to_owned())
        .to_owned()
}

/// Lists are sorted by (start, id); what is computed once more is found by the step by which it was found or closed.
fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("segment_level_by_step", level::Entity, [level::Column::Step]),
        index("jam_by_start", jam::Entity, [jam::Column::StartStep, jam::Column::Id]),
        index("jam_by_found", jam::Entity, [jam::Column::FoundStep]),
        index("jam_by_closed", jam::Entity, [jam::Column::ClosedStep]),
        index("jam_open", jam::Entity, [jam::Column::StartStep])
            .cond_where(Expr::col(jam::Column::EndStep).is_null())
            .to_owned(),
        index("jam_moment_by_step", moment::Entity, [moment::Column::Step]),
        index("traffic_warning_by_start", warning::Entity, [warning::Column::StartStep, warning::Column::Id]),
        index("traffic_warning_by_found", warning::Entity, [warning::Column::FoundStep]),
        index("traffic_warning_by_closed", warning::Entity, [warning::Column::ClosedStep]),
        index("traffic_score_by_step", score::Entity, [score::Column::Step]),
    ]
}

fn index<E: EntityTrait, C: IntoIden>(
    name: &str,
    entity: E,
    columns: impl IntoIterator<Item = C>,
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(entity.table_ref());
    for column in columns {
        index.col(column.into_iden());
    }
    index
}
