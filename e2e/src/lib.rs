//! The platform seen from outside: starts the real binary and talks to it through its public edge.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a harness fails its test by panicking")]

mod cluster;
pub mod conformance;
mod front;
pub mod journey;
mod platform;
mod raw;
pub mod story;
mod trace;
mod user;

pub use cluster::{Cluster, Layout};
pub use front::Front;
pub use platform::{Adapter, Options, Platform, Servers};
pub use raw::{RawClient, RawOutcome};
pub use trace::{Span, Trace};
pub use user::User;
