//! The service on a real runtime, an identity service that knows one key, and an administrator who asks.

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::Runtime;
use kvartal_kernel::{SystemClock, Uuid};
use kvartal_mesh::BoxService;
use kvartal_operations::Config;
use kvartal_proto::operations::v1::operations_service_client::OperationsServiceClient;
use kvartal_stage::People;
use kvartal_store::Store;
use tempfile::TempDir;
use tonic::Request;

/// The longest anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The running service.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    people: People,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let people = People::new(Arc::new(SystemClock));
        let folder = tempfile::tempdir().unwrap();
        let config = kvartal_host::Config {
            log: "off".to_owned(),
            shutdown_grace: Duration::from_secs(8),
            rate_factor: 1_000,
            ..kvartal_host::Config::embedded(folder.path().join("data"))
        };
        let runtime = Runtime::start(config).await.unwrap();
        kvartal_stage::stand_in(&runtime, "identity", kvartal_stage::identity(&people));
        let service = kvartal_operations::service(&runtime, &Config::default()).await.unwrap();
        let store = service.store.clone();
        runtime.serve(service).await.unwrap();
        Self { runtime, store, people, _folder: folder }
    }

    pub(crate) fn client(&self) -> OperationsServiceClient<BoxService> {
        OperationsServiceClient::new(self.runtime.directory().local("operations").unwrap())
    }

    /// A request of a person with this role.
    pub(crate) fn request<T>(&self, role: &str, message: T) -> Request<T> {
        self.people.person_with_id(Uuid::from_u128(1), &[role]).request(message)
    }
}
