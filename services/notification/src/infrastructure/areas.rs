//! Followed areas in the database.

use async_trait::async_trait;
use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Error, Kind as ErrorKind, Timestamp, Uuid, Version};
use kvartal_store::{Store, db_error};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use serde::{Deserialize, Serialize};

use self::rows::followed::{ActiveModel, Column, Entity, Model};
use self::rows::{message, news};
use crate::application::{Change, FollowedAreas};
use crate::domain::{AREAS_MAX, FollowedArea, FollowedAreaId, Place, Topics, UserId};

mod atlas;
mod gather;
mod migrations;
mod rows;
mod tell;

pub(crate) use atlas::IncidentAtlas;
pub(super) use gather::gather;
pub(super) use migrations::CreateAreas;
pub(crate) use tell::StoredGathered;

/// Followed areas in a database.
pub(crate) struct StoredAreas {
    store: Store,
}

impl StoredAreas {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl FollowedAreas for StoredAreas {
    async fn of(&self, user: UserId) -> Result<Vec<FollowedArea>, Error> {
        let rows = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .order_by_asc(Column::CreateTime)
            .order_by_asc(Column::Id)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        rows.into_iter().map(from_row).collect()
    }

    async fn follow(&self, area: FollowedArea) -> Result<FollowedArea, Error> {
        self.store.transaction(move |tx| Box::pin(follow(tx, area))).await
    }

    async fn update(&self, user: UserId, id: FollowedAreaId, change: Change) -> Result<FollowedArea, Error> {
        self.store.transaction(move |tx| Box::pin(update(tx, user, id, change))).await
    }

    async fn unfollow(&self, user: UserId, id: FollowedAreaId) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(unfollow(tx, user, id))).await
    }
}

async fn follow(tx: &DatabaseTransaction, area: FollowedArea) -> Result<FollowedArea, Error> {
    let same = Entity::find()
        .filter(Column::UserId.eq(area.user.0))
        .filter(Column::PlaceKey.eq(area.place.key()))
        .lock_exclusive()
        .one(tx)
        .await
        .map_err(db_error)?;
    if let Some(row) = same {
        let known = from_row(row.clone())?;
        if known.name == area.name && known.topics == area.topics && known.place == area.place {
            return Ok(known);
        }
        let mut row = row.into_active_model();
        let (place, bounds) = (written(&area.place)?, area.place.bounds());
        (row.name, row.topics, row.place) = (Set(area.name), Set(area.topics.bits()), Set(place));
        (row.south, row.north) = (Set(bounds.south), Set(bounds.north));
        (row.west, row.east) = (Set(bounds.west), Set(bounds.east));
        row.version = Set(known.version.next().0);
        return from_row(row.update(tx).await.map_err(db_error)?);
    }
    let count = Entity::find().filter(Column::UserId.eq(area.user.0)).count(tx).await.map_err(db_error)?;
    if count >= AREAS_MAX {
        let message = format!("at most {AREAS_MAX} areas can be followed");
        return Err(Error::new(ErrorKind::FailedPrecondition, "TOO_MANY_AREAS", message));
    }
    Entity::insert(to_row(&area)?).exec_without_returning(tx).await.map_err(db_error)?;
    Ok(area)
}

async fn update(
    tx: &DatabaseTransaction,
    user: UserId,
    id: FollowedAreaId,
    change: Change,
) -> Result<FollowedArea, Error> {
    let row = own(tx, user, id).await?.ok_or_else(|| Error::not_found("AREA_NOT_FOUND", "followed area"))?;
    let Change { name, topics, etag } = change;
    let known = from_row(row.clone())?;
    let (name, topics) = (name.unwrap_or_else(|| known.name.clone()), topics.unwrap_or(known.topics));
    if name == known.name && topics == known.topics {
        return Ok(known);
    }
    known.version.check(&etag)?;
    let mut row = row.into_active_model();
    (row.name, row.topics, row.version) = (Set(name), Set(topics.bits()), Set(known.version.next().0));
    from_row(row.update(tx).await.map_err(db_error)?)
}

async fn unfollow(tx: &DatabaseTransaction, user: UserId, id: FollowedAreaId) -> Result<(), Error> {
    if own(tx, user, id).await?.is_none() {
        return Ok(());
    }
    Entity::delete_by_id(id.0).exec(tx).await.map_err(db_error)?;
    forget(tx, id.0).await
}

/// Forgets what was gathered for an area.
async fn forget(tx: &DatabaseTransaction, area: Uuid) -> Result<(), Error> {
    message::Entity::delete_many().filter(message::Column::AreaId.eq(area)).exec(tx).await.map_err(db_error)?;
    news::Entity::delete_many().filter(news::Column::AreaId.eq(area)).exec(tx).await.map_err(db_error)?;
    Ok(())
}

async fn own(tx: &DatabaseTransaction, user: UserId, id: FollowedAreaId) -> Result<Option<Model>, Error> {
    let row = Entity::find_by_id(id.0).filter(Column::UserId.eq(user.0)).lock_exclusive().one(tx).await;
    row.map_err(db_error)
}

fn to_row(area: &FollowedArea) -> Result<ActiveModel, Error> {
    let bounds = area.place.bounds();
    Ok(Model {
        id: area.id.0,
        user_id: area.user.0,
        name: area.name.clone(),
        place_key: area.place.key(),
        place: written(&area.place)?,
        south: bounds.south,
        west: bounds.west,
        north: bounds.north,
        east: bounds.east,
        topics: area.topics.bits(),
        create_time: area.created.0,
        version: area.version.0,
    }
    .into_active_model())
}

fn from_row(row: Model) -> Result<FollowedArea, Error> {
    let place: StoredPlace = serde_json::from_str(&row.place).map_err(|error| {
        Error::internal(format!("the place of followed area {} cannot be read", row.id)).because(error)
    })?;
    Ok(FollowedArea {
        id: FollowedAreaId(row.id),
        user: UserId(row.user_id),
        name: row.name,
        place: place.into(),
        topics: Topics::from_bits(row.topics),
        created: Timestamp(row.create_time),
        version: Version(row.version),
    })
}

/// A place as it is stored; points are latitude and longitude.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPlace {
    Area { id: Uuid, ring: Vec<(f64, f64)> },
    Box { south: f64, west: f64, north: f64, east: f64 },
    Circle { center: (f64, f64), radius_m: f64 },
}

fn written(place: &Place) -> Result<String, Error> {
    let pair = |point: &LatLng| (point.latitude, point.longitude);
    let stored = match place {
        Place::Area { id, ring } => StoredPlace::Area { id: *id, ring: ring.iter().map(pair).collect() },
        Place::Box(Bounds { south, west, north, east }) => {
            StoredPlace::Box { south: *south, west: *west, north: *north, east: *east }
        }
        Place::Circle { center, radius_m } => StoredPlace::Circle { center: pair(center), radius_m: *radius_m },
    };
    serde_json::to_string(&stored).map_err(|error| Error::internal("a place cannot be stored").because(error))
}

impl From<StoredPlace> for Place {
    fn from(stored: StoredPlace) -> Self {
        let point = |(latitude, longitude)| LatLng { latitude, longitude };
        match stored {
            StoredPlace::Area { id, ring } => Self::Area { id, ring: ring.into_iter().map(point).collect() },
            StoredPlace::Box { south, west, north, east } => Self::Box(Bounds { south, west, north, east }),
            StoredPlace::Circle { center, radius_m } => Self::Circle { center: point(center), radius_m },
        }
    }
}
