//! Where incidents and reports live: sea-orm over SQLite or PostgreSQL.

mod cases;
mod catalogue;
mod changes;
mod defaults;
mod events;
mod grid;
mod imports;
mod incidents;
mod migrations;
mod newest;
mod persist;
mod photo;
mod photos;
mod reports;
pub mod rows;
mod suggestions;

pub use cases::StoredCases;
pub use catalogue::StoredCatalogue;
pub use changes::StoredChanges;
pub use incidents::StoredIncidents;
pub use migrations::migrations;
pub(crate) use photo::ImageProcessor;
pub use photos::StoredPhotos;
pub use reports::StoredReports;
pub use suggestions::StoredSuggestions;
