//! The traffic service through its RPCs.

mod data;
mod detectors;
mod imports;
mod los_loop;
mod readings;
mod real_data;
mod rollups;
mod stage;
