//! The traffic service through its RPCs.

mod data;
mod los_loop;
