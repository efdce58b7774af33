//! How the service is spoken to, one file for each gRPC service.

mod cameras;
mod congestion;
mod detectors;
mod forecasts;
mod live;
mod network;
mod patrols;
mod readings;
mod upkeep;

pub(crate) use cameras::CameraGrpc;
pub(crate) use congestion::CongestionGrpc;
pub(crate) use detectors::DetectorGrpc;
pub(crate) use forecasts::ForecastGrpc;
pub(crate) use live::LiveGrpc;
pub(crate) use network::NetworkGrpc;
pub(crate) use patrols::PatrolGrpc;
pub(crate) use readings::ReadingGrpc;
pub(crate) use upkeep::schedules;
