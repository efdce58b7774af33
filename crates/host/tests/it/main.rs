//! The runtime and its parts on real databases, a real Redis and real sockets.
#![allow(clippy::disallowed_methods, reason = "a test waits for its tasks itself")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod config;
mod health;
mod jobs;
mod jobs_crash;
mod outages;
mod platform;
mod redis;
mod schedules;
mod serving;
mod shutdown;
mod tls;
