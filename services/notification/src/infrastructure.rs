//! The tables, the mail server, the ways to identity and incident.

mod areas;
mod contacts;
mod deliveries;
mod inboxes;
mod migrations;
mod outbox;
mod preferences;
mod rows;
mod smtp;

pub(crate) use areas::{IncidentAtlas, StoredAreas, StoredGathered};
pub(crate) use contacts::IdentityContacts;
pub(crate) use deliveries::{MAIL_JOB, Queue, StoredDeliveries};
pub(crate) use inboxes::StoredInboxes;
pub(crate) use migrations::migrations;
pub(crate) use outbox::{LocalOutbox, NoMailer};
pub(crate) use preferences::PreferenceTable;
pub(crate) use smtp::Smtp;
