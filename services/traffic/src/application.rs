//! What can be done, over ports.

pub mod detectors;
pub mod health;
pub mod imports;
pub mod readings;
pub mod registry;
