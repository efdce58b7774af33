//! Patrols in the database.

use async_trait::async_trait;
use kvartal_events::{Event, outbox};
use kvartal_kernel::{Error, Kind, Timestamp, Uuid};
use kvartal_proto::traffic::v1 as pb;
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::rows::{patrol, patrol_position};
use crate::NAME;
use crate::application::patrols::{CheckPatrol, DecidePatrol, PATROLS_MAX, Patrols};
use crate::domain::patrol::{Patrol, PatrolEvent, Position};

/// Patrols in a database.
#[derive(Clone)]
pub struct StoredPatrols {
    store: Store,
}

impl StoredPatrols {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Patrols for StoredPatrols {
    async fn all(&self) -> Result<Vec<Patrol>, Error> {
        let rows = patrol::Entity::find().limit(PATROLS_MAX as u64).all(self.store.reader()).await.map_err(db_error)?;
        rows.into_iter().map(Patrol::try_from).collect()
    }

    async fn find(&self, name: &str) -> Result<Option<Patrol>, Error> {
        let row = patrol::Entity::find_by_id(name).one(self.store.reader()).await.map_err(db_error)?;
        row.map(Patrol::try_from).transpose()
    }

    async fn create(&self, new: Patrol) -> Result<Patrol, Error> {
        self.store.transaction(move |tx| Box::pin(create(tx, new))).await
    }

    async fn change(
        &self,
        name: String,
        actor: String,
        now: Timestamp,
        decide: DecidePatrol,
    ) -> Result<Option<Patrol>, Error> {
        self.store.transaction(move |tx| Box::pin(change(tx, name, actor, now, decide))).await
    }

    async fn remove(&self, name: String, check: CheckPatrol) -> Result<bool, Error> {
        self.store.transaction(move |tx| Box::pin(remove(tx, name, check))).await
    }

    async fn keep_position(&self, name: String, position: Position) -> Result<(), Error> {
        let row = patrol_position::Model {
            patrol: name,
            time: position.time.0,
            latitude: position.point.latitude,
            longitude: position.point.longitude,
            heading_degrees: position.heading_degrees,
            speed_kmh: position.speed_kmh,
        };
        let same = [patrol_position::Column::Patrol, patrol_position::Column::Time];
        let ignore = OnConflict::columns(same).do_nothing().to_owned();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let insert = patrol_position::Entity::insert(row.into_active_model()).on_conflict(ignore);
                    match insert.exec_without_returning(tx).await {
                        Ok(_) | Err(sea_orm::DbErr::RecordNotInserted) => Ok(()),
                        Err(error) => Err(db_error(error)),
                    }
                })
            })
            .await
    }

    async fn track(&self, name: &str, from: Timestamp, to: Timestamp, limit: u64) -> Result<Vec<Position>, Error> {
        let rows = patrol_position::Entity::find()
            .filter(patrol_position::Column::Patrol.eq(name))
            .filter(patrol_position::Column::Time.gte(from.0))
            .filter(patrol_position::Column::Time.lt(to.0))
            .order_by_asc(patrol_position::Column::Time)
            .limit(limit)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(rows.into_iter().map(Position::from).collect())
    }

    async fn release_all(&self, incident: Uuid, actor: String, now: Timestamp) -> Result<Vec<Patrol>, Error> {
        self.store.transaction(move |tx| Box::pin(release_all(tx, incident, actor, now))).await
    }

    async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error> {
        self.store.transaction(move |tx| Box::pin(prune(tx, before, limit))).await
    }
}

async fn create(tx: &DatabaseTransaction, new: Patrol) -> Result<Patrol, Error> {
    if patrol::Entity::find().count(tx).await.map_err(db_error)? >= PATROLS_MAX as u64 {
        let message = format!("there may be at most {PATROLS_MAX} patrols");
        return Err(Error::new(Kind::ResourceExhausted, "TOO_MANY_PATROLS", message));
    }
    let ignore = OnConflict::column(patrol::Column::Name).do_nothing().to_owned();
    let insert = patrol::Entity::insert(patrol::Model::from(&new).into_active_model()).on_conflict(ignore);
    match insert.exec_without_returning(tx).await {
        Ok(_) | Err(sea_orm::DbErr::RecordNotInserted) => {}
        Err(error) => return Err(db_error(error)),
    }
    let row = patrol::Entity::find_by_id(new.name).one(tx).await.map_err(db_error)?;
    row.ok_or_else(|| Error::internal("a patrol was stored and is not there"))?.try_into()
}

async fn change(
    tx: &DatabaseTransaction,
    name: String,
    actor: String,
    now: Timestamp,
    decide: DecidePatrol,
) -> Result<Option<Patrol>, Error> {
    let row = patrol::Entity::find_by_id(name).lock_exclusive().one(tx).await.map_err(db_error)?;
    let Some(row) = row else { return Ok(None) };
    let mut patrol = Patrol::try_from(row)?;
    let before = patrol.clone();
    let events = decide(&mut patrol)?;
    if patrol != before {
        store(tx, &patrol).await?;
    }
    tell(tx, &patrol, events, &actor, now).await?;
    Ok(Some(patrol))
}

async fn store(tx: &DatabaseTransaction, patrol: &Patrol) -> Result<(), Error> {
    let row = patrol::Model::from(patrol).into_active_model().reset_all();
    row.update(tx).await.map_err(db_error)?;
    Ok(())
}

async fn tell(
    tx: &DatabaseTransaction,
    patrol: &Patrol,
    events: Vec<PatrolEvent>,
    actor: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let event = |event: PatrolEvent| match event {
        PatrolEvent::Assigned { incident } => {
            let message = pb::PatrolAssigned {
                patrol_id: patrol.name.clone(),
                call_sign: patrol.call_sign.clone(),
                incident_id: incident.to_string(),
                actor_id: actor.to_owned(),
            };
            Event::new(NAME, &patrol.name, now, &message)
        }
        PatrolEvent::Released { incident } => {
            let message = pb::PatrolReleased {
                patrol_id: patrol.name.clone(),
                call_sign: patrol.call_sign.clone(),
                incident_id: incident.to_string(),
                actor_id: actor.to_owned(),
            };
            Event::new(NAME, &patrol.name, now, &message)
        }
    };
    let events: Vec<Event> = events.into_iter().map(event).collect();
    if events.is_empty() { Ok(()) } else { outbox::append(tx, events).await }
}

async fn remove(tx: &DatabaseTransaction, name: String, check: CheckPatrol) -> Result<bool, Error> {
    let row = patrol::Entity::find_by_id(name.clone()).lock_exclusive().one(tx).await.map_err(db_error)?;
    let Some(row) = row else { return Ok(false) };
    check(&Patrol::try_from(row)?)?;
    let track = patrol_position::Entity::delete_many().filter(patrol_position::Column::Patrol.eq(name.clone()));
    track.exec(tx).await.map_err(db_error)?;
    patrol::Entity::delete_by_id(name).exec(tx).await.map_err(db_error)?;
    Ok(true)
}

async fn release_all(
    tx: &DatabaseTransaction,
    incident: Uuid,
    actor: String,
    now: Timestamp,
) -> Result<Vec<Patrol>, Error> {
    let sent = patrol::Entity::find().filter(patrol::Column::IncidentId.eq(incident)).lock_exclusive();
    let mut released = Vec::new();
    for row in sent.all(tx).await.map_err(db_error)? {
        let mut patrol = Patrol::try_from(row)?;
        let event = patrol.release(now);
        store(tx, &patrol).await?;
        tell(tx, &patrol, event.into_iter().collect(), &actor, now).await?;
        released.push(patrol);
    }
    Ok(released)
}

async fn prune(tx: &DatabaseTransaction, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let oldest: Vec<i64> = patrol_position::Entity::find()
        .select_only()
        .column(patrol_position::Column::Time)
        .filter(patrol_position::Column::Time.lt(before.0))
        .order_by_asc(patrol_position::Column::Time)
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    let Some(last) = oldest.last() else { return Ok(0) };
    let delete = patrol_position::Entity::delete_many().filter(patrol_position::Column::Time.lte(*last));
    Ok(delete.exec(tx).await.map_err(db_error)?.rows_affected)
}
