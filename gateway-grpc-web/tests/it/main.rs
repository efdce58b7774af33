//! The edge before a small service, over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod beside;
mod cross_origin;
mod pages;
mod platform;
mod rest;
mod rpc;
