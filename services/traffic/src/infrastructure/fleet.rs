//! Patrols and cameras in the database, frames made harmless, and incidents asked for.

mod cameras;
mod frames;
mod incidents;
mod migrations;
mod patrols;
mod rows;

pub use cameras::StoredCameras;
pub use frames::FrameProcessor;
pub use incidents::IncidentClient;
pub(super) use migrations::migrations;
pub use patrols::StoredPatrols;
