//! Forecasts: made every quarter of an hour, kept, compared with what happened, and served while they are good.

pub mod desk;
pub mod keeper;
pub mod ports;
