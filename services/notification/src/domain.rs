//! What people are told: kinds, receivers, notices, deliveries, preferences. Pure.

use std::collections::BTreeMap;
use std::fmt;

use kvartal_kernel::{Timestamp, typed_id};

mod area;
mod kind;
mod preferences;
mod rules;
mod template;
mod text;

pub(crate) use area::{
    AREAS_MAX, AreaNews, Arisen, Calm, FollowedArea, FollowedAreaId, Over, Place, Topic, Topics, check_topics, digest,
};
pub(crate) use kind::{Channel, Channels, Kind};
pub(crate) use preferences::{Choice, Preferences, check};
pub(crate) use rules::{AUDIENCE_MAX, Fact, IncidentFacts, ReportFacts, notices};
pub(crate) use template::{MailText, Templates, Text};
pub(crate) use text::{greeting_name, percent_encoded, without_addresses};

typed_id!(
    /// A person's account.
    UserId
);
typed_id!(
    /// A line in an inbox, or what a mail is made of.
    NotificationId
);
typed_id!(
    /// One message to one receiver by one channel.
    DeliveryId
);

/// Languages there are templates in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Locale {
    /// Russian.
    #[default]
    Ru,
    /// English.
    En,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Ru, Self::En];

    /// `ru` or `en`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// From a tag such as `en` or `en-GB`; what there are no templates in is Russian.
    pub fn from_tag(tag: &str) -> Self {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("en") { Self::En } else { Self::Ru }
    }
}

/// Named texts that a template is filled with.
pub(crate) type Data = BTreeMap<String, String>;

/// A mail address and how to write to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Where to.
    pub email: String,
    /// How to address the person; may be empty.
    pub display_name: String,
    /// In which language.
    pub locale: Locale,
}

impl fmt::Debug for Address {
    /// Addresses are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("locale", &self.locale).finish_non_exhaustive()
    }
}

/// What is needed for a mail beyond its notification, and kept no longer than until the mail has arrived or is given up.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Confidence {
    /// Where to, when the event said so; otherwise the account's address at the time of sending.
    pub address: Option<Address>,
    /// Texts that grant power, such as a token.
    pub secrets: Data,
    /// When sending makes no sense any more.
    pub expires: Option<Timestamp>,
}

impl Confidence {
    /// Whether there is anything to keep.
    pub fn is_empty(&self) -> bool {
        self.address.is_none() && self.secrets.is_empty() && self.expires.is_none()
    }
}

impl fmt::Debug for Confidence {
    /// Secrets are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confidence").finish_non_exhaustive()
    }
}

/// What one receiver is to be told about one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// To whom; `None` for an address without an account.
    pub user: Option<UserId>,
    /// The thing it is about, such as a report's id.
    pub subject: String,
    /// Path on the page that it leads to; may be empty.
    pub link: String,
    /// What the templates are filled with; free of secrets.
    pub data: Data,
    /// What only the mail needs.
    pub confidence: Confidence,
}

/// A line in an inbox, or what a mail is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notification {
    /// Which.
    pub id: NotificationId,
    /// What it is about.
    pub kind: Kind,
    /// The thing it is about.
    pub subject: String,
    /// Path on the page that it leads to; may be empty.
    pub link: String,
    /// What the templates are filled with.
    pub data: Data,
    /// Place in the receiver's inbox: 1, 2, 3, … in the order of arrival; 0 outside the inbox.
    pub sequence: i64,
    /// When it arrived.
    pub created: Timestamp,
    /// When it was read.
    pub read: Option<Timestamp>,
}

/// How an inbox stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct InboxState {
    /// Place of the newest notification; 0 for none.
    pub last_sequence: i64,
    /// How many are unread.
    pub unread: u32,
}

/// How far a delivery has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Waits for its turn or its next attempt.
    Pending,
    /// Accepted by the receiving server, or put into the inbox.
    Delivered,
    /// Given up.
    Failed,
    /// Not wanted, or there is no address.
    Suppressed,
}

impl State {
    /// As it is stored; the numbers are those of the contract.
    pub fn number(self) -> i16 {
        match self {
            Self::Pending => 1,
            Self::Delivered => 2,
            Self::Failed => 3,
            Self::Suppressed => 4,
        }
    }

    /// From what is stored.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed, Self::Suppressed].into_iter().find(|s| s.number() == number)
    }
}

/// One message to one receiver by one channel. It holds neither addresses nor secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Which.
    pub id: DeliveryId,
    /// What is delivered.
    pub notification: NotificationId,
    /// To whom; `None` for an address without an account.
    pub user: Option<UserId>,
    /// What about.
    pub kind: Kind,
    /// How.
    pub channel: Channel,
    /// How far it has come.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed; empty when none did.
    pub last_error: String,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was tried last.
    pub attempted: Option<Timestamp>,
    /// When it will be tried next, about.
    pub next_attempt: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
