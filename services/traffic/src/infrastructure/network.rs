//! Roads and districts in the database.
//!
//! Every change takes the next revision from one row, which it holds to its end: revisions become visible in their order,
//! so who has read up to one finds everything later behind it. What is removed stays as a row without content for a day,
//! so that other replicas learn of it.

mod migrations;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::{Error, Kind};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _,
    Iterable as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};

use crate::application::network::{DecideDistrict, DecideSegments, Edit, Edits, Roads};
use crate::domain::network::district::District;
use crate::domain::network::{DISTRICTS_MAX, SEGMENTS_MAX, Segment};
use rows::{district, segment, state};

pub(super) use migrations::migrations;

/// Rows of one statement: databases bound the number of parameters.
const CHUNK: usize = 400;

/// The network in a database.
#[derive(Clone)]
pub struct StoredRoads {
    store: Store,
}

impl StoredRoads {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Roads for StoredRoads {
    async fn revision(&self) -> Result<i64, Error> {
        let row = state::Entity::find_by_id(state::ONLY).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map_or(0, |row| row.revision))
    }

    async fn since(&self, revision: i64) -> Result<Edits, Error> {
        // In this order: what was committed up to the revision is among the rows, and what comes later is read twice.
        let now = self.revision().await?;
        let segments = segment::Entity::find()
            .filter(segment::Column::Revision.gt(revision))
            .order_by_asc(segment::Column::Revision)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let districts = district::Entity::find()
            .filter(district::Column::Revision.gt(revision))
            .order_by_asc(district::Column::Revision)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(Edits {
            revision: now,
            segments: segments.into_iter().map(Edit::try_from).collect::<Result<_, _>>()?,
            districts: districts.into_iter().map(Edit::try_from).collect::<Result<_, _>>()?,
        })
    }

    async fn change_segments(&self, names: Vec<String>, decide: DecideSegments) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(change_segments(tx, names, decide))).await
    }

    async fn change_district(&self, name: String, decide: DecideDistrict) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(change_district(tx, name, decide))).await
    }
}

async fn change_segments(tx: &DatabaseTransaction, names: Vec<String>, decide: DecideSegments) -> Result<(), Error> {
    let held = hold(tx).await?;
    let mut stored = HashMap::new();
    for chunk in names.chunks(CHUNK) {
        let rows = segment::Entity::find().filter(segment::Column::Name.is_in(chunk));
        for row in rows.filter(segment::Column::Removed.eq(false)).all(tx).await.map_err(db_error)? {
            let segment = Segment::try_from(row)?;
            stored.insert(segment.name.clone(), segment);
        }
    }
    let known = stored.keys().cloned().collect::<std::collections::HashSet<_>>();
    let edits = decide(stored)?;
    if edits.is_empty() {
        return Ok(());
    }
    let (revision, mut count) = (held.revision + 1, held.segments);
    let mut rows = Vec::with_capacity(edits.len());
    for edit in edits {
        match edit {
            Edit::Put(new) => {
                count += i64::from(!known.contains(&new.name));
                rows.push(segment::Model::of(&new, revision).into_active_model());
            }
            Edit::Remove(name) => {
                count -= 1;
                rows.push(segment::Model::removed(name, revision).into_active_model());
            }
        }
    }
    if count > i64::try_from(SEGMENTS_MAX).unwrap_or(i64::MAX) {
        let message = format!("there may be at most {SEGMENTS_MAX} segments");
        return Err(Error::new(Kind::ResourceExhausted, "TOO_MANY_SEGMENTS", message));
    }
    let columns = segment::Column::iter().filter(|column| !matches!(column, segment::Column::Name));
    let replace = OnConflict::column(segment::Column::Name).update_columns(columns).to_owned();
    while !rows.is_empty() {
        let chunk: Vec<_> = rows.drain(..rows.len().min(CHUNK)).collect();
        let insert = segment::Entity::insert_many(chunk).on_conflict(replace.clone());
        insert.exec_without_returning(tx).await.map_err(db_error)?;
    }
    advance(tx, revision, Some(count)).await
}

async fn change_district(tx: &DatabaseTransaction, name: String, decide: DecideDistrict) -> Result<(), Error> {
    let held = hold(tx).await?;
    let old = district::Entity::find_by_id(name).one(tx).await.map_err(db_error)?;
    let old = old.filter(|row| !row.removed).map(District::try_from).transpose()?;
    let is_new = old.is_none();
    let Some(edit) = decide(old)? else { return Ok(()) };
    let revision = held.revision + 1;
    let row = match edit {
        Edit::Put(new) => district::Model::of(&new, revision),
        Edit::Remove(name) => district::Model::removed(name, revision),
    };
    if is_new {
        let there = district::Entity::find().filter(district::Column::Removed.eq(false));
        let count = sea_orm::PaginatorTrait::count(there, tx).await.map_err(db_error)?;
        if count >= DISTRICTS_MAX as u64 {
            let message = format!("there may be at most {DISTRICTS_MAX} districts");
            return Err(Error::new(Kind::ResourceExhausted, "TOO_MANY_DISTRICTS", message));
        }
    }
    let columns = district::Column::iter().filter(|column| !matches!(column, district::Column::Name));
    let replace = OnConflict::column(district::Column::Name).update_columns(columns).to_owned();
    let insert = district::Entity::insert(row.into_active_model()).on_conflict(replace);
    insert.exec_without_returning(tx).await.map_err(db_error)?;
    advance(tx, revision, None).await
}

/// Holds the row with the revision: changes come one after another.
async fn hold(tx: &DatabaseTransaction) -> Result<state::Model, Error> {
    let row = state::Entity::find_by_id(state::ONLY).lock_exclusive().one(tx).await.map_err(db_error)?;
    row.ok_or_else(|| Error::internal("the network has no state row"))
}

async fn advance(tx: &DatabaseTransaction, revision: i64, segments: Option<i64>) -> Result<(), Error> {
    let row = state::ActiveModel {
        id: sea_orm::Unchanged(state::ONLY),
        revision: Set(revision),
        segments: segments.map_or(sea_orm::NotSet, Set),
    };
    row.update(tx).await.map_err(db_error)?;
    Ok(())
}

impl TryFrom<segment::Model> for Edit<Segment> {
    type Error = Error;

    fn try_from(row: segment::Model) -> Result<Self, Error> {
        Ok(if row.removed { Self::Remove(row.name) } else { Self::Put(Arc::new(Segment::try_from(row)?)) })
    }
}

impl TryFrom<district::Model> for Edit<District> {
    type Error = Error;

    fn try_from(row: district::Model) -> Result<Self, Error> {
        Ok(if row.removed { Self::Remove(row.name) } else { Self::Put(Arc::new(District::try_from(row)?)) })
    }
}
