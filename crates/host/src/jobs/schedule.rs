//! Work that is due again and again: one run for each due time, however many processes look after it.

use std::sync::Arc;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use kvartal_kernel::{Error, Timestamp};
use kvartal_store::db_error;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter};
use serde_json::json;

use super::row::schedule::{ActiveModel, Column, Entity};
use super::{JobHandler, NewJob, queue};

/// A failed run is tried so often; the next due time comes anyway.
const MAX_ATTEMPTS: u32 = 5;

/// A cron expression and what is done when it is due. A run that has not ended when the next is due is not doubled;
/// due times that passed while no process ran are made up for by one run.
#[derive(Clone)]
pub struct Schedule {
    /// Unique within the service.
    pub name: &'static str,
    pub(super) cron: Cron,
    pub(super) handler: Arc<dyn JobHandler>,
}

impl Schedule {
    /// `cron` has five fields (minute, hour, day, month, weekday) or six with seconds in front, in UTC. The handler's
    /// payload is `{"schedule": name, "due": RFC 3339}`.
    pub fn new(name: &'static str, cron: &str, handler: Arc<dyn JobHandler>) -> Result<Self, Error> {
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser
            .parse(cron)
            .map_err(|error| Error::invalid("cron", format!("{cron} is no cron expression: {error}")))?;
        Ok(Self { name, cron, handler })
    }

    /// The first due time after `after`; the end of time when there is none.
    pub(super) fn next(&self, after: Timestamp) -> Timestamp {
        let start = chrono::DateTime::from_timestamp_micros(after.0);
        let next = start.and_then(|start| self.cron.find_next_occurrence(&start, false).ok());
        next.map_or(Timestamp::MAX, |next| Timestamp(next.timestamp_micros()))
    }

    /// When it is due as far as the table knows; at once when the table does not know it or knows another expression.
    pub(super) async fn due(&self, db: &DatabaseConnection) -> Result<Timestamp, Error> {
        let row = Entity::find_by_id(self.name).one(db).await.map_err(db_error)?;
        let known = row.filter(|row| row.cron == self.cron.as_str());
        Ok(known.map_or(Timestamp::MIN, |row| Timestamp(row.due_at)))
    }

    /// Adds the job when the schedule is due; returns when it is due next.
    pub(super) async fn fire(&self, tx: &DatabaseTransaction, now: Timestamp) -> Result<Timestamp, Error> {
        let next = self.next(now);
        let Some(row) = Entity::find_by_id(self.name).one(tx).await.map_err(db_error)? else {
            self.begin(tx, next).await?;
            return Ok(next);
        };
        if row.cron != self.cron.as_str() {
            self.change(tx, &row.cron, next).await?;
            return Ok(next);
        }
        if row.due_at > now.0 {
            return Ok(Timestamp(row.due_at));
        }
        // Whoever moves the due time on adds the job; the others find it moved.
        let moved = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(next.0))
            .filter(Column::Name.eq(self.name))
            .filter(Column::DueAt.eq(row.due_at))
            .exec(tx)
            .await
            .map_err(db_error)?;
        if moved.rows_affected == 1 {
            let job = NewJob {
                kind: self.handler.kind().to_owned(),
                key: Some(format!("schedule {}", self.name)),
                payload: json!({ "schedule": self.name, "due": Timestamp(row.due_at).to_string() }),
                run_at: now,
                max_attempts: MAX_ATTEMPTS,
            };
            queue::insert(tx, job, now).await?;
        }
        Ok(next)
    }

    async fn begin(&self, tx: &DatabaseTransaction, due: Timestamp) -> Result<(), Error> {
        let row = ActiveModel {
            name: Set(self.name.to_owned()),
            cron: Set(self.cron.as_str().to_owned()),
            due_at: Set(due.0),
        };
        let known = OnConflict::column(Column::Name).do_nothing().to_owned();
        Entity::insert(row).on_conflict(known).exec_without_returning(tx).await.map_err(db_error)?;
        Ok(())
    }

    async fn change(&self, tx: &DatabaseTransaction, old: &str, due: Timestamp) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::Cron, Expr::value(self.cron.as_str()))
            .col_expr(Column::DueAt, Expr::value(due.0))
            .filter(Column::Name.eq(self.name))
            .filter(Column::Cron.eq(old))
            .exec(tx)
            .await
            .map_err(db_error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::jobs::Job;

    struct Nothing;

    #[async_trait]
    impl JobHandler for Nothing {
        fn kind(&self) -> &'static str {
            "nothing"
        }

        async fn run(&self, _job: &Job) -> Result<(), Error> {
            Ok(())
        }
    }

    fn next(cron: &str, after: &str) -> String {
        let schedule = Schedule::new("test", cron, Arc::new(Nothing)).unwrap();
        schedule.next(Timestamp::parse(after).unwrap()).to_string()
    }

    #[test]
    fn the_next_due_time_lies_strictly_after_the_last() {
        assert_eq!(next("*/5 * * * *", "2026-11-20T09:30:00Z"), "2026-11-20T09:35:00Z");
        assert_eq!(next("0 3 * * 1", "2026-11-20T09:30:00Z"), "2026-11-23T03:00:00Z");
        assert_eq!(next("*/2 * * * * *", "2026-11-20T09:30:01.5Z"), "2026-11-20T09:30:02Z");
    }

    #[test]
    fn nonsense_is_refused_with_its_text() {
        let error = Schedule::new("test", "every monday", Arc::new(Nothing)).err().unwrap();
        assert!(error.message().contains("every monday"), "{error}");
    }
}
