//! What happens in followed areas is written down for each of them, in the transaction of the event.

use std::collections::HashSet;

use kvartal_kernel::geo::Bounds;
use kvartal_kernel::{Error, Timestamp, Uuid};
use kvartal_store::db_error;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::from_row;
use super::rows::{followed, message, news};
use crate::domain::{AreaNews, Arisen, Calm, FollowedArea, Over, Topic};

/// Areas looked at together.
const CHUNK: u64 = 200;

/// Writes down what an event means for those who follow areas.
pub(crate) async fn gather(tx: &DatabaseTransaction, calm: Calm, news: AreaNews, now: Timestamp) -> Result<(), Error> {
    match news {
        AreaNews::Arisen(arisen) => arise(tx, calm, &arisen, now).await,
        AreaNews::Over(over) => end(tx, calm, &over, now).await,
    }
}

async fn arise(tx: &DatabaseTransaction, calm: Calm, arisen: &Arisen, now: Timestamp) -> Result<(), Error> {
    if arisen.points.is_empty() {
        return Ok(());
    }
    let around = Bounds::of(&arisen.points);
    let mut after = Uuid::nil();
    loop {
        let rows = followed::Entity::find()
            .filter(followed::Column::Id.gt(after))
            .filter(followed::Column::South.lte(around.north))
            .filter(followed::Column::North.gte(around.south))
            .filter(followed::Column::West.lte(around.east))
            .filter(followed::Column::East.gte(around.west))
            .order_by_asc(followed::Column::Id)
            .limit(CHUNK)
            .all(tx)
            .await
            .map_err(db_error)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        let areas = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        let concerned: Vec<Uuid> = areas.iter().filter(|area| concerns(area, arisen)).map(|area| area.id.0).collect();
        let told = told_lately(tx, &concerned, arisen, now.minus(calm.again)).await?;
        let fresh = concerned.into_iter().filter(|area| !told.contains(area)).collect();
        add(tx, calm, fresh, arisen, now).await?;
    }
}

fn concerns(area: &FollowedArea, arisen: &Arisen) -> bool {
    Topic::of(arisen.kind).is_some_and(|topic| area.topics.contains(topic))
        && arisen.except != Some(area.user)
        && arisen.points.iter().any(|point| area.place.contains(*point))
}

/// Which of these areas were told of the same spot after a time.
async fn told_lately(
    tx: &DatabaseTransaction,
    areas: &[Uuid],
    arisen: &Arisen,
    after: Timestamp,
) -> Result<HashSet<Uuid>, Error> {
    if areas.is_empty() || arisen.spot.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<Uuid> = news::Entity::find()
        .select_only()
        .column(news::Column::AreaId)
        .filter(news::Column::AreaId.is_in(areas.iter().copied()))
        .filter(news::Column::Kind.eq(arisen.kind.number()))
        .filter(news::Column::Spot.eq(&arisen.spot))
        .filter(news::Column::ToldTime.gt(after.0))
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    Ok(rows.into_iter().collect())
}

/// Adds a thing to what is gathered for these areas, in the order of their ids.
async fn add(
    tx: &DatabaseTransaction,
    calm: Calm,
    areas: Vec<Uuid>,
    thing: &Arisen,
    now: Timestamp,
) -> Result<(), Error> {
    if areas.is_empty() {
        return Ok(());
    }
    let kind = thing.kind.number();
    // Before the news themselves: whoever tells holds these rows, so news never slip past it.
    let due = areas.iter().map(|area| {
        message::Model { area_id: *area, kind, ready_time: Some(calm.ready(now).0), quiet_until: 0 }.into_active_model()
    });
    let wait = |table: &str| Expr::col((sea_orm::sea_query::Alias::new(table), message::Column::ReadyTime));
    let again = OnConflict::columns([message::Column::AreaId, message::Column::Kind])
        .value(message::Column::ReadyTime, wait("area_messages").if_null(wait("excluded")))
        .to_owned();
    message::Entity::insert_many(due).on_conflict(again).exec_without_returning(tx).await.map_err(db_error)?;
    let rows = areas.iter().map(|area| {
        news::Model {
            area_id: *area,
            kind,
            subject: thing.subject.clone(),
            spot: thing.spot.clone(),
            line: thing.line.clone(),
            link: thing.link.clone(),
            create_time: now.0,
            told_time: None,
        }
        .into_active_model()
    });
    let once =
        OnConflict::columns([news::Column::AreaId, news::Column::Kind, news::Column::Subject]).do_nothing().to_owned();
    news::Entity::insert_many(rows).on_conflict(once).exec_without_returning(tx).await.map_err(db_error)?;
    Ok(())
}

async fn end(tx: &DatabaseTransaction, calm: Calm, over: &Over, now: Timestamp) -> Result<(), Error> {
    let about = || {
        news::Entity::find()
            .filter(news::Column::Subject.eq(&over.subject))
            .filter(news::Column::Kind.eq(over.kind.number()))
    };
    news::Entity::delete_many()
        .filter(news::Column::Subject.eq(&over.subject))
        .filter(news::Column::Kind.eq(over.kind.number()))
        .filter(news::Column::ToldTime.is_null())
        .exec(tx)
        .await
        .map_err(db_error)?;
    let Some(kind) = over.told else { return Ok(()) };
    let told = about().order_by_asc(news::Column::AreaId).all(tx).await.map_err(db_error)?;
    let Some(first) = told.first() else { return Ok(()) };
    let ended = Arisen {
        kind,
        subject: over.subject.clone(),
        spot: String::new(),
        points: Vec::new(),
        line: first.line.clone(),
        link: first.link.clone(),
        except: None,
    };
    let areas: Vec<Uuid> = told.iter().map(|row| row.area_id).collect();
    for areas in areas.chunks(usize::try_from(CHUNK).unwrap_or(200)) {
        add(tx, calm, areas.to_vec(), &ended, now).await?;
    }
    Ok(())
}
