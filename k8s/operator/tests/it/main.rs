//! The operator and a real PostgreSQL, without a cluster: what it does inside a server, and what its Jobs do with backups.

mod backups;
mod crd;
mod database;
mod server;
