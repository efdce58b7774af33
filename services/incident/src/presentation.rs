//! How the service is spoken to.

mod convert;
mod events;
mod http;
mod incidents;
mod open311;
mod reports;
mod schedule;
mod stream;
mod suggestions;
mod wzdx;

pub(crate) use events::TrafficConsumer;
pub(crate) use http::{Pages, routes};
pub use incidents::IncidentGrpc;
pub(crate) use open311::Open311;
pub use reports::ReportGrpc;
pub use schedule::schedules;
pub use suggestions::SuggestionGrpc;
