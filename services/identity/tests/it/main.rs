//! Identity as its callers see it: through gRPC, behind the whole server stack.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod clients;
mod keys;
mod passwords;
mod repositories;
mod roles;
mod secrets;
mod sessions;
mod start;
mod world;
