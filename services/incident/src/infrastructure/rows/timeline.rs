//! `timeline`: every change of an incident or a report, for ever.

use kvartal_kernel::{Error, Timestamp};
use sea_orm::entity::prelude::*;

use super::known;
use crate::domain::timeline::{Entry, EntryId, action};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "timeline")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The incident or the report.
    pub subject_id: Uuid,
    /// Microseconds since 1970.
    pub time: i64,
    /// Who; empty for the platform.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was.
    pub was: String,
    /// What it became.
    pub now: String,
    /// What was said.
    pub comment: String,
    /// Whether everyone may read it.
    pub public: bool,
}

/// None: the relations are followed by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The entry of this subject.
    pub(in crate::infrastructure) fn new(subject: Uuid, entry: &Entry) -> Self {
        let Entry { id, time, actor, action, before, after, comment, public } = entry;
        Self {
            id: id.0,
            subject_id: subject,
            time: time.0,
            actor: actor.clone(),
            action: (*action).to_owned(),
            was: before.clone(),
            now: after.clone(),
            comment: comment.clone(),
            public: *public,
        }
    }
}

impl TryFrom<Model> for Entry {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let action = action::ALL.iter().copied().find(|known| *known == row.action);
        Ok(Self {
            id: EntryId(row.id),
            time: Timestamp(row.time),
            actor: row.actor,
            action: known(action, "action")?,
            before: row.was,
            after: row.now,
            comment: row.comment,
            public: row.public,
        })
    }
}
