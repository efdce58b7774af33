//! The servers start, keep tests apart, fail on request and leave nothing behind.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod processes;
mod servers;
mod smtp;
