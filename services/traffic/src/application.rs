//! What can be done, over ports.

pub mod cameras;
pub mod congestion;
pub mod detectors;
pub mod forecasts;
pub mod health;
pub mod imports;
pub mod live;
pub mod network;
pub mod paging;
pub mod patrols;
pub mod readings;
pub mod registry;
