//! The mesh in the process: the server stack that enforces the contract, the channels that services call each other
//! through, the identity of callers, rates, audit, deadlines and streams.
//!
//! * A service's routes go through [`server::Stack::wrap`] once; nothing reaches a handler past it.
//! * Handlers learn who calls from [`caller`] and answer errors through [`to_status`].
//! * Outgoing calls go through a [`Channel`] from the [`Directory`].

pub mod audit;
pub mod auth;
mod channel;
mod client;
pub mod criticality;
pub mod deadline;
mod directory;
mod dormant;
mod metrics;
mod passage;
mod peer;
pub mod rate;
pub mod server;
mod service;
mod status;
pub mod stream;
pub mod tls;

pub use channel::Channel;
pub use client::{Address, EndpointState, EndpointView, RemoteOptions, Security, ServiceView};
pub use directory::{Directory, Remote};
pub use kvartal_contract::Criticality;
pub use kvartal_trace as trace;
pub use passage::Passage;
pub use peer::{Peer, caller};
pub use service::{BoxFuture, BoxService, Request, Response};
pub use status::{FAULTS, code_name, from_status, is_fault, to_status};
