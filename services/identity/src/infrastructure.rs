//! The outside world of identity: tables, the password workers, the master key, background jobs.

mod clients;
mod events;
mod jobs;
mod keys;
mod master_key;
mod migrations;
mod passwords;
mod rows;
mod users;

pub use clients::StoredClients;
pub use jobs::{SendLink, Tidy};
pub use keys::StoredKeys;
pub use master_key::read_master_key;
pub use migrations::migrations;
pub use passwords::PasswordWorkers;
pub use users::StoredUsers;
