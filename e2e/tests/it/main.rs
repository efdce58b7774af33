//! Whole-system tests: the real binary, real servers, the public edge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod access;
mod broker;
mod conformance;
mod gateway;
mod h2spec;
mod kill;
mod malformed;
mod metrics;
mod story;
mod trace;
mod traffic_kill;
mod work_zones;
