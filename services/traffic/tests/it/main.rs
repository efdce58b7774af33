//! The traffic service through gRPC behind its whole stack, on SQLite and on PostgreSQL, and its rules on real data.
#![allow(clippy::disallowed_methods, reason = "a test waits for its tasks itself")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod calendar;
mod congestion;
mod data;
mod detectors;
mod fleet;
mod forecasts;
mod free_flow;
mod imports;
mod live;
mod los_city;
mod los_loop;
mod network;
mod oracle;
mod readings;
mod real_data;
mod retention;
mod rollups;
mod stage;
mod watcher;
