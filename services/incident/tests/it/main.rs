//! The incident service through gRPC behind its whole stack, and its repositories, on SQLite and on PostgreSQL.
#![allow(clippy::disallowed_methods, reason = "a test waits for its tasks itself")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod catalogue;
mod change_log;
mod city;
mod crowd;
mod due;
mod events;
mod imports;
mod incidents;
mod lists;
mod patrols;
mod reports;
mod suggestions;
mod visibility;
mod watching;
