//! The contract of the platform: what the options in the .proto files promise, read once into typed policy.
//!
//! This crate is the only reader of `kvartal.contract.v1`. The build of `kvartal-proto` reads the contract too, so an
//! RPC without access or deadline does not build.

mod options;
mod policy;
mod read;
pub mod rules;

pub use policy::{
    Access, Criticality, Engine, EventType, HttpRule, Idempotency, Method, RateClass, Service, Slo, Verb,
};
pub use read::{Contract, ContractError};

#[cfg(test)]
mod tests;
