//! How the service is spoken to.

mod convert;
mod incidents;
mod reports;
mod schedule;
mod stream;
mod wzdx;

pub use incidents::IncidentGrpc;
pub use reports::ReportGrpc;
pub use schedule::schedules;
