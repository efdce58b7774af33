//! The tables of jobs and schedules.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::prelude::{Index, MigrationName, MigrationTrait, SchemaManager, Table};
use sea_orm_migration::schema::{big_integer, integer, small_integer, text, text_null, uuid};

use super::row::{job, schedule};

/// The tables every service with jobs needs.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateJobs)]
}

struct CreateJobs;

impl MigrationName for CreateJobs {
    fn name(&self) -> &str {
        "host_0001_jobs"
    }
}

#[async_trait]
impl MigrationTrait for CreateJobs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(job::Entity)
                    .col(uuid(job::Column::Id).primary_key())
                    .col(text(job::Column::Kind))
                    .col(text_null(job::Column::Dedup))
                    .col(text(job::Column::Payload))
                    .col(small_integer(job::Column::State))
                    .col(integer(job::Column::Attempt))
                    .col(integer(job::Column::MaxAttempts))
                    .col(big_integer(job::Column::DueAt))
                    .col(text(job::Column::LastError))
                    .col(text(job::Column::Traceparent))
                    .col(big_integer(job::Column::CreatedAt))
                    .col(big_integer(job::Column::UpdatedAt))
                    .to_owned(),
            )
            .await?;
        // Empty keys are NULL, which no unique index compares: only unfinished jobs hold theirs.
        manager
            .create_index(
                Index::create()
                    .name("job_dedup")
                    .table(job::Entity)
                    .col(job::Column::Kind)
                    .col(job::Column::Dedup)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("job_due")
                    .table(job::Entity)
                    .col(job::Column::State)
                    .col(job::Column::DueAt)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(schedule::Entity)
                    .col(text(schedule::Column::Name).primary_key())
                    .col(text(schedule::Column::Cron))
                    .col(big_integer(schedule::Column::DueAt))
                    .to_owned(),
            )
            .await
    }
}
