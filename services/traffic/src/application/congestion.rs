//! How the traffic moves, moved and usually moves.

pub mod advance;
pub mod desk;
pub mod free_flow;
pub mod ports;
pub mod roads;
pub mod speeds;
pub mod ways;
