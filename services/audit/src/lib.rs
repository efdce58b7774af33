//! The audit service.

#![doc = include_str!("../README.md")]

mod application;
mod domain;
mod infrastructure;
mod presentation;

use std::sync::Arc;

use kvartal_host::{Runtime, Service};
use kvartal_kernel::Error;
use kvartal_proto::audit::v1::audit_service_server::AuditServiceServer;
use kvartal_store::Store;
use sea_orm_migration::MigrationTrait;

use application::Audit;
use infrastructure::StoredRecords;
use presentation::{AuditConsumer, AuditGrpc};

pub use application::Verification;
pub use domain::{Entry, Flaw, Hash, Head, Problem};

/// Name of the service.
pub const NAME: &str = "audit";

/// What can be configured: nothing so far.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {}

/// The service's tables.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    infrastructure::migrations()
}

/// Wires the service together: the chain, its consumer, its RPCs.
pub async fn service(runtime: &Runtime, _config: &Config) -> anyhow::Result<Service> {
    let store = runtime.store(NAME, migrations()).await?;
    let audit = Audit::new(Arc::new(StoredRecords::new(store.clone())));
    runtime.consume(NAME, Arc::new(AuditConsumer::new(audit.clone()))).await?;
    Ok(Service::new(NAME, store).grpc(AuditServiceServer::new(AuditGrpc::new(audit))))
}

/// Checks the whole chain in a database, for use without a running service.
pub async fn verify(store: &Store) -> Result<Verification, Error> {
    Audit::new(Arc::new(StoredRecords::new(store.clone()))).verify(1).await
}
