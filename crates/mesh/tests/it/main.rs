//! The server stack and the channels, over real calls to real gRPC services.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tasks end with the test")]

mod access;
mod audit;
mod balance;
mod breaker;
mod channels;
mod chaos;
mod deadlines;
mod failures;
mod network;
mod overload;
mod protocol;
mod rates;
mod replicas;
mod retries;
mod streams;
mod telemetry;
mod tls;
mod untouched;
mod world;
