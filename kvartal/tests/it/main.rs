//! The binary as people start it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod charts;
mod commands;
mod demo;
mod edges;
mod envoy;
mod gateway;
mod import;
mod mtls;
mod platform;
mod replay;
mod rest;
mod rules;
mod up;
mod waiting;
