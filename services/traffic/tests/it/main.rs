//! The traffic service through its RPCs.

mod detectors;
mod imports;
mod readings;
mod real_data;
mod rollups;
mod stage;
