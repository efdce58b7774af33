//! The rows of the tables.

#[allow(unreachable_pub, reason = "the derived entity is public, so its model must be")]
pub(super) mod job {
    //! A job.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        /// The key while the job has not ended.
        pub dedup: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub payload: String,
        pub state: i16,
        /// Attempts begun; also tells an old holder of the lease from the new one.
        pub attempt: i32,
        pub max_attempts: i32,
        /// When it is to be looked at: it may run (waiting), its lease ends (running).
        pub due_at: i64,
        #[sea_orm(column_type = "Text")]
        pub last_error: String,
        pub traceparent: String,
        pub created_at: i64,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[allow(unreachable_pub, reason = "the derived entity is public, so its model must be")]
pub(super) mod schedule {
    //! The next due time of a schedule.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job_schedule")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub cron: String,
        pub due_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use kvartal_kernel::Error;

use super::State;

impl State {
    /// As it is stored.
    pub(super) fn number(self) -> i16 {
        match self {
            State::Waiting => 0,
            State::Running => 1,
            State::Done => 2,
            State::Dead => 3,
        }
    }

    pub(super) fn from_number(number: i16) -> Result<Self, Error> {
        match number {
            0 => Ok(State::Waiting),
            1 => Ok(State::Running),
            2 => Ok(State::Done),
            3 => Ok(State::Dead),
            other => Err(Error::internal(format!("a job is in the unknown state {other}"))),
        }
    }
}
