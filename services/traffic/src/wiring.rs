//! How the parts of the service are put together, one file for each part.

mod congestion;
mod fleet;
mod forecasts;
mod live;
mod measuring;
mod network;

pub(crate) use congestion::congestion;
pub(crate) use fleet::fleet;
pub(crate) use forecasts::forecasts;
pub(crate) use live::{board, live};
pub(crate) use measuring::measuring;
pub(crate) use network::network;
