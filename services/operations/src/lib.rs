//! The operations service.

#![doc = include_str!("../README.md")]

mod presentation;

use kvartal_host::{Runtime, Service};
use kvartal_proto::operations::v1::operations_service_server::OperationsServiceServer;
use sea_orm_migration::MigrationTrait;

use presentation::OperationsGrpc;

/// Name of the service.
pub const NAME: &str = "operations";

/// What can be configured: nothing so far.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {}

/// The service's tables: none.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    Vec::new()
}

/// Wires the service together: the ways to every other service, and the bus.
pub async fn service(runtime: &Runtime, _config: &Config) -> anyhow::Result<Service> {
    let store = runtime.store(NAME, migrations()).await?;
    let operations = OperationsGrpc::new(runtime.directory(), runtime.bus())?;
    Ok(Service::new(NAME, store).grpc(OperationsServiceServer::new(operations)))
}
