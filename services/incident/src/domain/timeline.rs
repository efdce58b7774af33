//! The record of every change.

use kvartal_kernel::{Timestamp, typed_id};

typed_id! {
    /// An entry of a timeline.
    EntryId
}

/// Who does something, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Who; empty for the platform itself and for whoever must not be known.
    pub actor: String,
    /// When.
    pub time: Timestamp,
}

impl Act {
    /// The platform itself.
    pub fn platform(time: Timestamp) -> Self {
        Self { actor: String::new(), time }
    }
}

/// A change of an incident or a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// When; later than every entry before of the same incident or report.
    pub time: Timestamp,
    /// Who; empty for the platform itself and for whoever must not be known.
    pub actor: String,
    /// Such as `status`, `comment`, `assignment`, `link`.
    pub action: &'static str,
    /// What it was before; empty where that has no meaning.
    pub before: String,
    /// What it became.
    pub after: String,
    /// What was said about it.
    pub comment: String,
    /// Whether everyone may read it.
    pub public: bool,
}

impl Entry {
    /// An entry that everyone may read, without words.
    pub fn new(time: Timestamp, act: &Act, action: &'static str) -> Self {
        Self {
            id: EntryId(time.uuid()),
            time,
            actor: act.actor.clone(),
            action,
            before: String::new(),
            after: String::new(),
            comment: String::new(),
            public: true,
        }
    }

    /// From what to what.
    pub fn moved(mut self, before: impl ToString, after: impl ToString) -> Self {
        self.before = before.to_string();
        self.after = after.to_string();
        self
    }

    /// What was said about it.
    pub fn said(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// For those who work here only.
    pub fn internal(mut self) -> Self {
        self.public = false;
        self
    }
}

/// The actions of timeline entries.
pub mod action {
    /// Logged or filed.
    pub const CREATED: &str = "created";
    /// A fact changed.
    pub const UPDATED: &str = "updated";
    /// The status changed.
    pub const STATUS: &str = "status";
    /// Somebody or a team was made responsible.
    pub const ASSIGNMENT: &str = "assignment";
    /// A patrol was sent or called back.
    pub const PATROL: &str = "patrol";
    /// A remark.
    pub const COMMENT: &str = "comment";
    /// Incident and report were tied.
    pub const LINK: &str = "link";
    /// Incident and report were untied.
    pub const UNLINK: &str = "unlink";
    /// The city said something.
    pub const ANSWER: &str = "answer";
    /// Somebody said that it is so.
    pub const CONFIRMED: &str = "confirmed";
    /// Somebody said that it is not so.
    pub const REFUTED: &str = "refuted";
    /// Hidden or shown.
    pub const MODERATION: &str = "moderation";

    /// Every action, for reading them back.
    pub const ALL: &[&str] =
        &[CREATED, UPDATED, STATUS, ASSIGNMENT, PATROL, COMMENT, LINK, UNLINK, ANSWER, CONFIRMED, REFUTED, MODERATION];
}

/// What one change leaves behind: entries of the timeline and events for others.
#[derive(Clone, PartialEq, Debug)]
pub struct Change<E> {
    /// For the timeline.
    pub entries: Vec<Entry>,
    /// For the other services.
    pub events: Vec<E>,
}

impl<E> Default for Change<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), events: Vec::new() }
    }
}

impl<E> Change<E> {
    /// An entry without an event.
    pub fn entry(entry: Entry) -> Self {
        Self { entries: vec![entry], events: Vec::new() }
    }

    /// An entry and its event.
    pub fn new(entry: Entry, event: E) -> Self {
        Self { entries: vec![entry], events: vec![event] }
    }

    /// Followed by another.
    pub fn and(&mut self, later: Self) {
        self.entries.extend(later.entries);
        self.events.extend(later.events);
    }
}
