//! The operator and a real PostgreSQL, without a cluster: what it does inside a server, and what its Jobs do with backups.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backups;
mod crd;
mod database;
mod server;
mod store;
