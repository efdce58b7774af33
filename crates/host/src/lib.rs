//! What a service runs on: configuration, adapters, telemetry, health, background jobs and an orderly end.
//!
//! A process makes one [`Runtime`] from a [`Config`]. Services take their database, consumers and jobs from it and hand it
//! a [`Service`]; an edge or [`listen`] opens the socket; [`Runtime::shutdown`] ends everything in order.

mod adapters;
mod audit;
mod config;
pub mod health;
mod inspect;
pub mod jobs;
mod keys;
mod listen;
mod patience;
pub mod redis;
mod runtime;
mod service;
mod shutdown;
mod tasks;
mod telemetry;
mod tls;
mod web;

pub use config::{Config, LogFormat, parse_duration};
pub use health::Health;
pub use listen::{listen, operations};
pub use patience::wait_for;
pub use runtime::Runtime;
pub use service::{Registered, Service, migrations};
pub use shutdown::Stopped;
pub use web::error_response;
