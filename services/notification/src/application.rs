//! The use cases, and the ports they need.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Page, PageRequest, Timestamp, Uuid};

use crate::domain::{
    Address, AreaNews, Channel, Choice, Confidence, Delivery, DeliveryId, InboxState, Locale, MailText, Notice,
    Notification, NotificationId, Preferences, State, Templates, UserId,
};

mod areas;
mod deliver;
mod inbox;
mod notify;
mod watch;

pub(crate) use areas::{AreaDesk, Atlas, Change, FollowedAreas, Gathered, Whereabouts, Wish, tell_gathered};
pub(crate) use deliver::Attempted;
pub(crate) use inbox::Shown;
pub(crate) use watch::{Arrival, Watchers};

/// Which notifications of an inbox are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    /// Everything.
    All,
    /// These, as far as they are there.
    These(Vec<NotificationId>),
}

/// Where inboxes live.
#[async_trait]
pub(crate) trait Inboxes: Send + Sync {
    /// A page of what is not archived, newest first.
    async fn page(&self, user: UserId, unread_only: bool, request: &PageRequest) -> Result<Page<Notification>, Error>;

    /// What arrived after a place and is not archived, oldest first. Whatever is given out, nothing before it will ever
    /// be added.
    async fn after(&self, user: UserId, sequence: i64, limit: u64) -> Result<Vec<Notification>, Error>;

    /// How these inboxes stand; one that never received anything is left out.
    async fn states(&self, users: &[UserId]) -> Result<Vec<(UserId, InboxState)>, Error>;

    /// Marks as read; returns how the inbox stands then.
    async fn mark_read(&self, user: UserId, which: Which, now: Timestamp) -> Result<InboxState, Error>;

    /// Puts out of sight; returns how the inbox stands then.
    async fn archive(&self, user: UserId, which: Vec<NotificationId>) -> Result<InboxState, Error>;
}

/// Which deliveries are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct DeliveryFilter {
    pub(crate) user: Option<UserId>,
    pub(crate) state: Option<State>,
}

/// One attempt to send a mail.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) delivery: Delivery,
    pub(crate) notification: Notification,
    pub(crate) confidence: Confidence,
}

/// How an attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Accepted by the receiving server.
    Delivered,
    /// There is nobody to send it to.
    Suppressed(String),
    /// It will be tried again.
    Again { error: String, at: Timestamp },
    /// Given up.
    Failed(String),
}

/// Where deliveries live.
#[async_trait]
pub(crate) trait Deliveries: Send + Sync {
    /// In one transaction: notifications, inbox lines, deliveries and mail jobs for the notices of an event, as each
    /// receiver's preferences say; and what the event means for those who follow areas. Does nothing when the event was applied before. Returns the notifications of the
    /// inboxes, in the order of the notices; `None` where the inbox does not take it.
    async fn plan(
        &self,
        event: Uuid,
        notices: Vec<Notice>,
        news: Option<AreaNews>,
        now: Timestamp,
    ) -> Result<Vec<Option<NotificationId>>, Error>;

    /// Begins an attempt and counts it; `None` when the delivery does not wait (any more).
    async fn begin(&self, id: DeliveryId, now: Timestamp) -> Result<Option<Attempt>, Error>;

    /// Writes down how the attempt ended. What was kept in confidence is erased unless it will be tried again.
    async fn end(&self, id: DeliveryId, ending: Ending) -> Result<(), Error>;

    /// A page, newest first.
    async fn page(&self, filter: &DeliveryFilter, request: &PageRequest) -> Result<Page<Delivery>, Error>;

    /// Makes a failed delivery wait again, from the beginning, with a new job.
    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Delivery, Error>;
}

/// Where preferences live.
#[async_trait]
pub(crate) trait StoredPreferences: Send + Sync {
    async fn get(&self, user: UserId) -> Result<Preferences, Error>;
    async fn put(&self, user: UserId, choices: Vec<Choice>) -> Result<Preferences, Error>;
}

/// How to reach people.
#[async_trait]
pub(crate) trait Contacts: Send + Sync {
    /// The account's confirmed address; `None` when there is no account or no confirmed address.
    async fn address(&self, user: UserId) -> Result<Option<Address>, Error>;

    /// The language the account reads. Quick: remembered for a while, Russian when it cannot be learnt now.
    async fn locale(&self, user: UserId) -> Locale;
}

/// A mail ready to be sent.
#[derive(Clone)]
pub(crate) struct Mail {
    /// Names the mail for good: a mail sent again carries the same.
    pub(crate) id: DeliveryId,
    pub(crate) to: Address,
    pub(crate) text: MailText,
    /// Where such mails are switched off, if they can be.
    pub(crate) unsubscribe: Option<String>,
    pub(crate) time: Timestamp,
}

/// Why a mail was not accepted; for operators, without addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum MailError {
    /// It may be accepted later.
    Transient(String),
    /// It will never be accepted.
    Permanent(String),
}

/// What takes mails.
#[async_trait]
pub(crate) trait Mailer: Send + Sync {
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// A mail that was kept instead of being sent.
#[derive(Clone)]
pub(crate) struct KeptMail {
    pub(crate) id: DeliveryId,
    pub(crate) time: Timestamp,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// The last mails that were kept.
#[async_trait]
pub(crate) trait Outbox: Send + Sync {
    /// Newest first.
    async fn list(&self) -> Result<Vec<KeptMail>, Error>;
    async fn find(&self, id: DeliveryId) -> Result<Option<KeptMail>, Error>;
}

/// How often and how soon mails are tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Attempts in all, at least 1.
    pub(crate) attempts: u32,
    /// Wait after the first; it doubles with each.
    pub(crate) first_delay: Duration,
    /// Longest wait.
    pub(crate) longest_delay: Duration,
}

impl Patience {
    /// How long to wait after this many attempts.
    pub(crate) fn delay(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(20);
        self.first_delay.saturating_mul(1 << doublings).min(self.longest_delay)
    }
}

/// The ports together.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) inboxes: Arc<dyn Inboxes>,
    pub(crate) deliveries: Arc<dyn Deliveries>,
    pub(crate) preferences: Arc<dyn StoredPreferences>,
    pub(crate) contacts: Arc<dyn Contacts>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The notification service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Notifier {
    ports: Ports,
    templates: Arc<Templates>,
    watchers: Arc<Watchers>,
    patience: Patience,
}

impl Notifier {
    pub(crate) fn new(ports: Ports, templates: Templates, watchers: Arc<Watchers>, patience: Patience) -> Self {
        Self { ports, templates: Arc::new(templates), watchers, patience }
    }

    /// Lists deliveries, newest first.
    pub(crate) async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        request: &PageRequest,
    ) -> Result<Page<Delivery>, Error> {
        self.ports.deliveries.page(filter, request).await
    }

    /// Tries a failed delivery again from the beginning.
    pub(crate) async fn retry(&self, id: DeliveryId) -> Result<Delivery, Error> {
        self.ports.deliveries.retry(id, self.ports.clock.now()).await
    }

    /// What the person wants to be told.
    pub(crate) async fn preferences(&self, user: UserId) -> Result<Preferences, Error> {
        self.ports.preferences.get(user).await
    }

    /// Changes what the person wants to be told, for the kinds named.
    pub(crate) async fn choose(&self, user: UserId, choices: Vec<Choice>) -> Result<Preferences, Error> {
        crate::domain::check(&choices)?;
        self.ports.preferences.put(user, choices).await
    }
}

/// The channels of a notice and whether the receiver takes them. Without an account there is no inbox.
pub(crate) fn channels(notice: &Notice, preferences: &Preferences) -> Vec<(Channel, bool)> {
    let possible = notice.kind.channels();
    let taken = preferences.channels(notice.kind);
    Channel::ALL
        .into_iter()
        .filter(|channel| possible.contains(*channel))
        .filter(|channel| *channel == Channel::Email || notice.user.is_some())
        .map(|channel| (channel, taken.contains(channel)))
        .collect()
}
