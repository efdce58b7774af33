//! How the service is spoken to, one file for each gRPC service.

mod cameras;
mod congestion;
mod detectors;
mod fleet_upkeep;
mod forecasts;
mod live;
mod network;
mod patrol_events;
mod patrols;
mod readings;
mod upkeep;

pub(crate) use cameras::{CameraGrpc, frame_routes};
pub(crate) use congestion::{CongestionGrpc, LiveCongestion, learning, thinning};
pub(crate) use detectors::DetectorGrpc;
pub(crate) use fleet_upkeep::fleet_schedules;
pub(crate) use forecasts::{ForecastGrpc, pruning};
pub(crate) use live::{LiveBoard, LiveGrpc, LiveServer, Shown};
pub(crate) use network::{NetworkGrpc, tile_routes};
pub(crate) use patrol_events::IncidentConsumer;
pub(crate) use patrols::PatrolGrpc;
pub(crate) use readings::ReadingGrpc;
pub(crate) use upkeep::schedules;
