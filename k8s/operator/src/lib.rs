#![doc = include_str!("../README.md")]

pub mod api;
mod apply;
pub mod backup;
pub mod context;
pub mod controller;
pub mod database;
pub mod decide;
pub mod drift;
pub mod helm;
pub mod identity;
pub mod leader;
pub mod metrics;
pub mod names;
pub mod observe;
pub mod plugin;
pub mod quantity;
pub mod reconcile;
pub mod release;
pub mod retention;
pub mod rotation;
pub mod secrets;
mod status;
pub mod validate;
pub mod values;
