//! A service, as its crate hands it to the runtime, and as the runtime keeps it.

use std::convert::Infallible;

use axum::Router;
use kvartal_events::outbox;
use kvartal_mesh::BoxService;
use kvartal_store::Store;
use sea_orm_migration::MigrationTrait;
use tonic::server::NamedService;
use tonic::service::Routes;

use crate::jobs;

/// A domain service, ready to be served.
pub struct Service {
    /// Its domain, such as `incident`.
    pub name: &'static str,
    /// Its database.
    pub store: Store,
    /// Its gRPC services.
    pub grpc: Routes,
    /// What it offers over plain HTTP beside them.
    pub http: Router,
    pub(crate) full_names: Vec<String>,
}

impl Service {
    /// A service that offers nothing yet.
    pub fn new(name: &'static str, store: Store) -> Self {
        Self { name, store, grpc: Routes::default(), http: Router::new(), full_names: Vec::new() }
    }

    /// With a generated gRPC server.
    pub fn grpc<S>(mut self, server: S) -> Self
    where
        S: tower::Service<http::Request<tonic::body::Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.grpc = self.grpc.add_service(server);
        self.full_names.push(S::NAME.to_owned());
        self
    }

    /// With plain HTTP routes. They are traced and limited (10 MiB, 30 s) and find a [`kvartal_kernel::Caller`] among the
    /// request's extensions; what the caller may do is for them to decide.
    pub fn http(mut self, router: Router) -> Self {
        self.http = self.http.merge(router);
        self
    }
}

/// What a service's database goes through, oldest first: the tables every service has, then its `own`.
pub fn migrations(own: Vec<Box<dyn MigrationTrait>>) -> Vec<Box<dyn MigrationTrait>> {
    outbox::migrations().into_iter().chain(jobs::migrations()).chain(own).collect()
}

/// A service of this process behind its stack.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its domain, such as `incident`.
    pub name: &'static str,
    /// Full names of its gRPC services, such as `kvartal.incident.v1.IncidentService`.
    pub full_names: Vec<String>,
    /// Answers every call of these gRPC services, contract enforced.
    pub grpc: BoxService,
    /// Its plain HTTP routes, guarded.
    pub http: Router,
}
