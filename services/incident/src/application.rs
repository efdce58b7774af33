//! What can be done: one method for each RPC, over the ports below.

pub mod ports;
