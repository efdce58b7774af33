//! The operations service through gRPC: services, jobs that were given up, events that were given up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod dead_letters;
mod jobs;
mod services;
mod stage;
