//! The incident service: what happens on the roads and what citizens tell the city.

pub mod application;
pub mod domain;
