//! Storing what a change decided: rows, timeline, change log and outbox, in the transaction of the change.

use kvartal_events::{Event, outbox};
use kvartal_kernel::{Error, Timestamp, Uuid, Version};
use kvartal_store::db_error;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use super::events;
use super::rows::{change_log, incident, json_text, report, subscription, timeline, vote};
use crate::domain::case::{Case, TrackedIncident, TrackedReport};
use crate::domain::report::{Report, ReportEvent, ReportId};

/// Most who are told of a report's move.
const AUDIENCE_MAX: u64 = 1_000;
/// Rows of one statement; both databases limit its parameters to some ten thousands.
const ROWS_MAX: usize = 500;

/// How the change log marks incidents.
pub(super) const INCIDENT: i16 = 1;
/// How the change log marks reports.
pub(super) const REPORT: i16 = 2;

/// What has to be written besides the rows of incidents and reports themselves.
#[derive(Default)]
pub(super) struct Trail {
    timeline: Vec<timeline::ActiveModel>,
    log: Vec<change_log::ActiveModel>,
    events: Vec<Event>,
}

impl Trail {
    /// Notes what happened to an incident.
    pub(super) fn incident(&mut self, tracked: &TrackedIncident) {
        let now = &tracked.now;
        self.entries(now.id.0, &tracked.change.entries);
        let was = tracked.was.as_ref().filter(|was| !was.filters_like(now));
        let was = was.map(|was| json_text(&incident::Model::from(was)));
        self.log(INCIDENT, now.updated, was, json_text(&incident::Model::from(now)));
        self.events.extend(tracked.change.events.iter().map(|event| events::of_incident(now, event)));
    }

    /// Notes what happened to a report.
    pub(super) async fn report(&mut self, tx: &DatabaseTransaction, tracked: &TrackedReport) -> Result<(), Error> {
        let now = &tracked.now;
        self.entries(now.id.0, &tracked.change.entries);
        let was = tracked.was.as_ref().filter(|was| !was.filters_like(now));
        let was = was.map(|was| json_text(&report::Model::from(was)));
        self.log(REPORT, now.updated, was, json_text(&report::Model::from(now)));
        let moved = tracked.change.events.iter().any(|event| matches!(event, ReportEvent::StatusChanged { .. }));
        let audience = if moved { audience(tx, now).await? } else { Vec::new() };
        self.events.extend(tracked.change.events.iter().map(|event| events::of_report(now, event, &audience)));
        Ok(())
    }

    fn entries(&mut self, subject: Uuid, entries: &[crate::domain::timeline::Entry]) {
        let rows = entries.iter().map(|entry| timeline::Model::new(subject, entry).into_active_model());
        self.timeline.extend(rows);
    }

    fn log(&mut self, subject: i16, time: Timestamp, was: Option<String>, now: String) {
        self.log.push(change_log::ActiveModel {
            position: ActiveValue::NotSet,
            subject: Set(subject),
            time: Set(time.0),
            was: Set(was),
            now: Set(now),
        });
    }

    /// Writes it all. Positions in the change log are drawn here, after the transaction has written something else:
    /// [`super::changes`] relies on that.
    pub(super) async fn write(self, tx: &DatabaseTransaction) -> Result<(), Error> {
        let Self { timeline, log, events } = self;
        for rows in slices(timeline) {
            timeline::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
        }
        for rows in slices(log) {
            change_log::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
        }
        if events.is_empty() { Ok(()) } else { outbox::append(tx, events).await }
    }
}

/// Stores what changed in a case that was read in this transaction.
pub(super) async fn store(
    tx: &DatabaseTransaction,
    case: &Case,
    trail: &mut Trail,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(incident) = case.incident.as_ref().filter(|incident| incident.is_changed()) {
        match incident.read {
            Some(read) => update_incident(tx, incident, read).await?,
            None => insert_incidents(tx, vec![incident]).await?,
        }
        trail.incident(incident);
    }
    if let Some(cast) = case.vote {
        let row = vote::ActiveModel {
            report_id: Set(cast.report.0),
            round: Set(super::rows::stored(cast.round)),
            user_id: Set(cast.voter),
            confirmed: Set(cast.confirmed),
        };
        let key = [vote::Column::ReportId, vote::Column::Round, vote::Column::UserId];
        let replace = OnConflict::columns(key).update_column(vote::Column::Confirmed).to_owned();
        vote::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await.map_err(db_error)?;
    }
    for report in case.reports.values().filter(|report| report.is_changed()) {
        if let Some(read) = report.read {
            update_report(tx, report, read).await?;
            trail.report(tx, report).await?;
        }
    }
    for (report, follower) in &case.follows {
        follow(tx, *report, *follower, now).await?;
    }
    Ok(())
}

/// Adds incidents.
pub(super) async fn insert_incidents(tx: &DatabaseTransaction, incidents: Vec<&TrackedIncident>) -> Result<(), Error> {
    let rows = incidents.into_iter().map(|tracked| incident::Model::from(&tracked.now).into_active_model()).collect();
    for rows in slices(rows) {
        incident::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
    }
    Ok(())
}

/// Replaces an incident's row, unless it is no longer what was read.
pub(super) async fn update_incident(
    tx: &DatabaseTransaction,
    tracked: &TrackedIncident,
    read: Version,
) -> Result<(), Error> {
    let mut row = incident::Model::from(&tracked.now).into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    row.create_time = ActiveValue::NotSet;
    row.request_by = ActiveValue::NotSet;
    row.request_id = ActiveValue::NotSet;
    row.fingerprint = ActiveValue::NotSet;
    let update = incident::Entity::update_many()
        .set(row)
        .filter(incident::Column::Id.eq(tracked.now.id.0))
        .filter(incident::Column::Version.eq(read.0));
    one(update.exec(tx).await.map_err(db_error)?.rows_affected)
}

async fn update_report(tx: &DatabaseTransaction, tracked: &TrackedReport, read: Version) -> Result<(), Error> {
    let mut row = report::Model::from(&tracked.now).into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    row.number = ActiveValue::NotSet;
    row.create_time = ActiveValue::NotSet;
    row.request_by = ActiveValue::NotSet;
    row.request_id = ActiveValue::NotSet;
    row.fingerprint = ActiveValue::NotSet;
    // Counted by `follow`, which does not hold what was read here.
    row.subscriber_count = ActiveValue::NotSet;
    let update = report::Entity::update_many()
        .set(row)
        .filter(report::Column::Id.eq(tracked.now.id.0))
        .filter(report::Column::Version.eq(read.0));
    one(update.exec(tx).await.map_err(db_error)?.rows_affected)
}

/// Lets somebody follow a report; whether that is new.
pub(super) async fn follow(
    tx: &DatabaseTransaction,
    id: ReportId,
    follower: Uuid,
    now: Timestamp,
) -> Result<bool, Error> {
    let row = subscription::ActiveModel { report_id: Set(id.0), user_id: Set(follower), create_time: Set(now.0) };
    let added = subscription::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await
        .map_err(db_error)?;
    if added > 0 {
        count_followers(tx, id, 1).await?;
    }
    Ok(added > 0)
}

/// Lets somebody no longer follow a report; whether that is new.
pub(super) async fn unfollow(tx: &DatabaseTransaction, id: ReportId, follower: Uuid) -> Result<bool, Error> {
    let removed = subscription::Entity::delete_by_id((id.0, follower)).exec(tx).await.map_err(db_error)?.rows_affected;
    if removed > 0 {
        count_followers(tx, id, -1).await?;
    }
    Ok(removed > 0)
}

async fn count_followers(tx: &DatabaseTransaction, id: ReportId, by: i32) -> Result<(), Error> {
    let column = report::Column::SubscriberCount;
    report::Entity::update_many()
        .col_expr(column, Expr::col(column).add(by))
        .filter(report::Column::Id.eq(id.0))
        .exec(tx)
        .await
        .map_err(db_error)?;
    Ok(())
}

/// The reporter and those who follow, the first followers first.
async fn audience(tx: &DatabaseTransaction, report: &Report) -> Result<Vec<Uuid>, Error> {
    let followers: Vec<Uuid> = subscription::Entity::find()
        .select_only()
        .column(subscription::Column::UserId)
        .filter(subscription::Column::ReportId.eq(report.id.0))
        .order_by_asc(subscription::Column::CreateTime)
        .limit(AUDIENCE_MAX)
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    let others = followers.into_iter().filter(|follower| Some(*follower) != report.reporter);
    let most = usize::try_from(AUDIENCE_MAX).unwrap_or(usize::MAX);
    Ok(report.reporter.into_iter().chain(others).take(most).collect())
}

/// Rows in portions that fit a statement.
fn slices<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || Some(rows.by_ref().take(ROWS_MAX).collect::<Vec<_>>()).filter(|slice| !slice.is_empty()))
}

fn one(rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::conflict()) }
}
