//! What can be done, over ports.

pub mod cameras;
pub mod live;
pub mod network;
pub mod paging;
pub mod patrols;
