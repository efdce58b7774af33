//! The chain in SQLite or PostgreSQL.

mod migrations;
mod records;
mod rows;

pub(crate) use migrations::migrations;
pub(crate) use records::StoredRecords;
