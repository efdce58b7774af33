//! Deliveries in the database: planned once for each event, attempted by jobs.

use std::collections::HashMap;

use async_trait::async_trait;
use kvartal_events::inbox as applied;
use kvartal_host::jobs::{Jobs, NewJob};
use kvartal_kernel::{Cursor, Error, Kind as ErrorKind, Page, PageRequest, Timestamp, Uuid};
use kvartal_store::{Store, db_error, keyset};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};
use serde_json::json;

use super::areas::gather;
use super::inboxes::{from_row, next_places, parse, write};
use super::preferences;
use super::rows::{confidence, delivery, notification};
use crate::application::{Attempt, Deliveries, DeliveryFilter, Ending, channels};
use crate::domain::{
    Address, AreaNews, Calm, Channel, Confidence, Delivery, DeliveryId, Kind, Locale, Notice, NotificationId,
    Preferences, State, UserId,
};

/// The kind of the jobs that send mails; the payload is `{"delivery": id}`.
pub(crate) const MAIL_JOB: &str = "mail";

/// Attempts of a job beyond those of its delivery: the delivery counts itself, so that one whose worker died is written
/// down as failed by the attempt after.
const SPARE_ATTEMPTS: u32 = 5;

/// Receivers whose rows are written in one statement.
const CHUNK: usize = 200;

/// Name of the consumer in the inbox of events.
const CONSUMER: &str = "notification";

/// Deliveries in a database.
pub(crate) struct StoredDeliveries {
    store: Store,
    queue: Queue,
    calm: Calm,
}

/// Where mail jobs go.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: Jobs,
    attempts: u32,
}

impl StoredDeliveries {
    pub(crate) fn new(store: Store, queue: Queue, calm: Calm) -> Self {
        Self { store, queue, calm }
    }
}

#[async_trait]
impl Deliveries for StoredDeliveries {
    async fn plan(
        &self,
        event: Uuid,
        notices: Vec<Notice>,
        news: Option<AreaNews>,
        now: Timestamp,
    ) -> Result<Vec<Option<NotificationId>>, Error> {
        let (queue, calm) = (self.queue.clone(), self.calm);
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    if !applied::first_time(tx, CONSUMER, event).await? || is_planned(tx, event).await? {
                        return Ok(Vec::new());
                    }
                    // Before the inboxes: whoever tells what was gathered locks in this order.
                    if let Some(news) = news {
                        gather(tx, calm, news, now).await?;
                    }
                    write_plan(tx, &queue, event, notices, now).await
                })
            })
            .await
    }

    async fn begin(&self, id: DeliveryId, now: Timestamp) -> Result<Option<Attempt>, Error> {
        self.store.transaction(move |tx| Box::pin(begin(tx, id, now))).await
    }

    async fn end(&self, id: DeliveryId, ending: Ending) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(end(tx, id, ending))).await
    }

    async fn page(&self, filter: &DeliveryFilter, request: &PageRequest) -> Result<Page<Delivery>, Error> {
        let mut select = delivery::Entity::find();
        if let Some(user) = filter.user {
            select = select.filter(delivery::Column::UserId.eq(user.0));
        }
        if let Some(state) = filter.state {
            select = select.filter(delivery::Column::State.eq(state.number()));
        }
        let rows = keyset::descending(select, delivery::Column::CreateTime, delivery::Column::Id, request)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let page = Page::from_surplus(rows, request.size, |row| Cursor { key: row.create_time, id: row.id });
        let items = page.items.into_iter().map(from_delivery).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Delivery, Error> {
        let queue = self.queue.clone();
        self.store.transaction(move |tx| Box::pin(async move { retry(tx, &queue, id, now).await })).await
    }
}

impl Queue {
    /// Mails are tried `attempts` times.
    pub(crate) fn new(jobs: Jobs, attempts: u32) -> Self {
        Self { jobs, attempts }
    }

    async fn add(&self, tx: &DatabaseTransaction, delivery: Uuid, now: Timestamp) -> Result<(), Error> {
        let job = NewJob {
            kind: MAIL_JOB.to_owned(),
            key: None,
            payload: json!({ "delivery": delivery }),
            run_at: now,
            max_attempts: self.attempts.saturating_add(SPARE_ATTEMPTS),
        };
        self.jobs.enqueue(tx, job).await?;
        Ok(())
    }
}

/// One receiver's part of the plan.
struct Part {
    notice: Notice,
    id: Uuid,
    user: Uuid,
    channels: Vec<(Channel, bool)>,
}

impl Part {
    fn is_in_inbox(&self) -> bool {
        self.channels.contains(&(Channel::InApp, true))
    }
}

/// Writes notifications, places in inboxes, deliveries and mail jobs.
pub(super) async fn write_plan(
    tx: &DatabaseTransaction,
    queue: &Queue,
    event: Uuid,
    notices: Vec<Notice>,
    now: Timestamp,
) -> Result<Vec<Option<NotificationId>>, Error> {
    let users: Vec<Uuid> = notices.iter().filter_map(|notice| notice.user).map(|user| user.0).collect();
    let chosen = preferences::of(tx, &users).await?;
    let nothing_chosen = Preferences::default();
    let parts: Vec<Part> = notices
        .into_iter()
        .map(|notice| {
            let user = notice.user.map_or(Uuid::nil(), |user| user.0);
            let channels = channels(&notice, chosen.get(&user).unwrap_or(&nothing_chosen));
            Part { notice, id: now.uuid(), user, channels }
        })
        .collect();
    let mut receivers: Vec<Uuid> = parts.iter().filter(|part| part.is_in_inbox()).map(|part| part.user).collect();
    receivers.sort_unstable();
    let places: HashMap<Uuid, i64> = next_places(tx, &receivers).await?.into_iter().collect();
    let shown = parts.iter().map(|part| part.is_in_inbox().then_some(NotificationId(part.id))).collect();
    for parts in parts.chunks(CHUNK) {
        let rows = parts.iter().map(|part| {
            let sequence = if part.is_in_inbox() { places.get(&part.user).copied().unwrap_or(0) } else { 0 };
            notification_row(event, part, sequence, now)
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        notification::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
        let (rows, pending) = delivery_rows(event, parts, now);
        delivery::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(db_error)?;
        for (delivery, confidence) in pending {
            confide(tx, delivery, confidence).await?;
            queue.add(tx, delivery, now).await?;
        }
    }
    Ok(shown)
}

/// The inbox of events forgets after two weeks; a dead letter replayed later must not tell people again.
async fn is_planned(tx: &DatabaseTransaction, event: Uuid) -> Result<bool, Error> {
    let planned = notification::Entity::find().filter(notification::Column::EventId.eq(event)).limit(1);
    Ok(planned.one(tx).await.map_err(db_error)?.is_some())
}

fn notification_row(
    event: Uuid,
    part: &Part,
    sequence: i64,
    now: Timestamp,
) -> Result<notification::ActiveModel, Error> {
    let Notice { kind, subject, link, data, .. } = &part.notice;
    Ok(notification::ActiveModel {
        id: Set(part.id),
        event_id: Set(event),
        user_id: Set(part.user),
        kind: Set(kind.number()),
        subject: Set(subject.clone()),
        link: Set(link.clone()),
        data: Set(write(data)?),
        sequence: Set(sequence),
        archived: Set(false),
        create_time: Set(now.0),
        read_time: Set(None),
    })
}

/// The deliveries of these parts, and which of them wait for a job, with what the mail needs.
fn delivery_rows(
    event: Uuid,
    parts: &[Part],
    now: Timestamp,
) -> (Vec<delivery::ActiveModel>, Vec<(Uuid, &Confidence)>) {
    let mut rows = Vec::new();
    let mut pending = Vec::new();
    for part in parts {
        for (channel, wanted) in &part.channels {
            let id = now.uuid();
            let (state, why) = match (channel, wanted) {
                (_, false) => (State::Suppressed, "the receiver does not want it"),
                (Channel::InApp, true) => (State::Delivered, ""),
                (Channel::Email, true) => (State::Pending, ""),
            };
            rows.push(delivery::ActiveModel {
                id: Set(id),
                notification_id: Set(part.id),
                event_id: Set(event),
                user_id: Set(part.user),
                kind: Set(part.notice.kind.number()),
                channel: Set(channel.number()),
                state: Set(state.number()),
                attempt_count: Set(i32::from(state == State::Delivered)),
                last_error: Set(why.to_owned()),
                create_time: Set(now.0),
                attempt_time: Set((state == State::Delivered).then_some(now.0)),
                next_attempt_time: Set((state == State::Pending).then_some(now.0)),
            });
            if state == State::Pending {
                pending.push((id, &part.notice.confidence));
            }
        }
    }
    (rows, pending)
}

async fn confide(tx: &DatabaseTransaction, delivery: Uuid, confidence: &Confidence) -> Result<(), Error> {
    if confidence.is_empty() {
        return Ok(());
    }
    let Confidence { address, secrets, expires } = confidence;
    let row = confidence::ActiveModel {
        delivery_id: Set(delivery),
        email: Set(address.as_ref().map(|address| address.email.clone())),
        display_name: Set(address.as_ref().map(|address| address.display_name.clone()).unwrap_or_default()),
        locale: Set(address.as_ref().map(|address| address.locale.name()).unwrap_or_default().to_owned()),
        secrets: Set(write(secrets)?),
        expire_time: Set(expires.map(|expires| expires.0)),
    };
    confidence::Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
    Ok(())
}

async fn begin(tx: &DatabaseTransaction, id: DeliveryId, now: Timestamp) -> Result<Option<Attempt>, Error> {
    let begun = delivery::Entity::update_many()
        .col_expr(delivery::Column::AttemptCount, Expr::col(delivery::Column::AttemptCount).add(1))
        .col_expr(delivery::Column::AttemptTime, Expr::value(now.0))
        .filter(delivery::Column::Id.eq(id.0))
        .filter(delivery::Column::Channel.eq(Channel::Email.number()))
        .filter(delivery::Column::State.eq(State::Pending.number()))
        .exec_with_returning(tx)
        .await
        .map_err(db_error)?;
    let Some(row) = begun.into_iter().next() else { return Ok(None) };
    let notification = notification::Entity::find_by_id(row.notification_id)
        .one(tx)
        .await
        .map_err(db_error)?
        .ok_or_else(|| Error::internal(format!("delivery {id} has no notification")))?;
    let kept = confidence::Entity::find_by_id(id.0).one(tx).await.map_err(db_error)?;
    let confidence = kept.map(from_confidence).transpose()?.unwrap_or_default();
    Ok(Some(Attempt { delivery: from_delivery(row)?, notification: from_row(notification)?, confidence }))
}

async fn end(tx: &DatabaseTransaction, id: DeliveryId, ending: Ending) -> Result<(), Error> {
    let (state, error, next) = match ending {
        Ending::Delivered => (State::Delivered, String::new(), None),
        Ending::Suppressed(why) => (State::Suppressed, why, None),
        Ending::Again { error, at } => (State::Pending, error, Some(at.0)),
        Ending::Failed(error) => (State::Failed, error, None),
    };
    delivery::Entity::update_many()
        .col_expr(delivery::Column::State, Expr::value(state.number()))
        .col_expr(delivery::Column::LastError, Expr::value(error))
        .col_expr(delivery::Column::NextAttemptTime, Expr::value(next))
        .filter(delivery::Column::Id.eq(id.0))
        .filter(delivery::Column::State.eq(State::Pending.number()))
        .exec(tx)
        .await
        .map_err(db_error)?;
    if state != State::Pending {
        confidence::Entity::delete_by_id(id.0).exec(tx).await.map_err(db_error)?;
    }
    Ok(())
}

async fn retry(tx: &DatabaseTransaction, queue: &Queue, id: DeliveryId, now: Timestamp) -> Result<Delivery, Error> {
    let row = delivery::Entity::find_by_id(id.0)
        .lock_exclusive()
        .one(tx)
        .await
        .map_err(db_error)?
        .ok_or_else(|| Error::not_found("DELIVERY_NOT_FOUND", "delivery"))?;
    let found = from_delivery(row.clone())?;
    match found.state {
        // Somebody asked before; asking again changes nothing.
        State::Pending => return Ok(found),
        State::Failed => {}
        State::Delivered | State::Suppressed => {
            let message = "only a failed delivery can be tried again";
            return Err(Error::new(ErrorKind::FailedPrecondition, "DELIVERY_NOT_FAILED", message));
        }
    }
    if found.kind.needs_secrets() || found.user.is_none() {
        let message = "what the mail needs was erased when it was given up; the person has to ask again";
        return Err(Error::new(ErrorKind::FailedPrecondition, "CONTENT_ERASED", message));
    }
    let mut row = row.into_active_model();
    row.state = Set(State::Pending.number());
    row.attempt_count = Set(0);
    row.last_error = Set(String::new());
    row.next_attempt_time = Set(Some(now.0));
    let row = row.update(tx).await.map_err(db_error)?;
    queue.add(tx, id.0, now).await?;
    from_delivery(row)
}

fn from_delivery(row: delivery::Model) -> Result<Delivery, Error> {
    let strange = |what: &str| Error::internal(format!("delivery {} has a strange {what}", row.id));
    Ok(Delivery {
        id: DeliveryId(row.id),
        notification: NotificationId(row.notification_id),
        user: (!row.user_id.is_nil()).then_some(UserId(row.user_id)),
        kind: Kind::from_number(row.kind).ok_or_else(|| strange("kind"))?,
        channel: Channel::from_number(row.channel).ok_or_else(|| strange("channel"))?,
        state: State::from_number(row.state).ok_or_else(|| strange("state"))?,
        attempts: u32::try_from(row.attempt_count).unwrap_or(0),
        last_error: row.last_error.clone(),
        created: Timestamp(row.create_time),
        attempted: row.attempt_time.map(Timestamp),
        next_attempt: row.next_attempt_time.map(Timestamp),
    })
}

fn from_confidence(row: confidence::Model) -> Result<Confidence, Error> {
    let address =
        row.email.map(|email| Address { email, display_name: row.display_name, locale: Locale::from_tag(&row.locale) });
    Ok(Confidence { address, secrets: parse(&row.secrets)?, expires: row.expire_time.map(Timestamp) })
}
