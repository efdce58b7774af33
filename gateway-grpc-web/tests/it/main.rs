//! Both edges before a small service, over real sockets: the one in the process, and Envoy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod app;
mod beside;
mod certificates;
mod cross_origin;
mod derived;
mod guard;
mod pages;
mod platform;
mod rest;
mod restart;
mod rpc;
