//! The platform on a Kubernetes cluster, installed by its charts, through its gateway. Run by `cargo xtask e2e`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod admission;
mod city;
mod database;
mod failure;
mod identity;
mod load;
mod memory;
mod network;
mod story;
mod trace;
