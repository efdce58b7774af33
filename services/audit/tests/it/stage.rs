//! The service on a real runtime, an identity service that knows one key, and people who ask.

use std::sync::Arc;
use std::time::Duration;

use kvartal_audit::Config;
use kvartal_events::Event;
use kvartal_host::Runtime;
use kvartal_kernel::{Clock as _, SystemClock, Timestamp, Uuid};
use kvartal_mesh::BoxService;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::audit::v1::{CallAudited, ListRecordsRequest, Record, VerifyChainRequest, VerifyChainResponse};
use kvartal_proto::contract::v1::Role;
use kvartal_proto::identity::v1::RoleGranted;
use kvartal_stage::People;
use kvartal_store::Store;
use kvartal_testing::{Postgres, eventually};
use sea_orm::ConnectionTrait as _;
use tempfile::TempDir;
use tonic::Request;

/// The longest anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Where the service keeps its tables.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// The running service.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    people: People,
    _folder: TempDir,
    postgres: Option<Postgres>,
}

impl Stage {
    pub(crate) async fn start(database: Database) -> Self {
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(kvartal_testing::postgres().await),
        };
        let people = People::new(Arc::new(SystemClock));
        let (runtime, store, folder) = start(postgres.as_ref(), &people).await;
        Self { runtime, store, people, _folder: folder, postgres }
    }

    /// A second process on the same database, with a bus of its own.
    pub(crate) async fn replica(&self) -> (Runtime, TempDir) {
        let (runtime, _, folder) = start(self.postgres.as_ref(), &self.people).await;
        (runtime, folder)
    }

    pub(crate) async fn publish(&self, events: &[Event]) {
        self.runtime.bus().publish(events).await.unwrap();
    }

    pub(crate) fn client(&self) -> AuditServiceClient<BoxService> {
        AuditServiceClient::new(self.runtime.directory().local("audit").unwrap())
    }

    /// A request of a person with this role.
    pub(crate) fn request<T>(&self, role: &str, message: T) -> Request<T> {
        self.people.person_with_id(person(), &[role]).request(message)
    }

    pub(crate) async fn list(&self, request: ListRecordsRequest) -> Vec<Record> {
        self.client().list_records(self.request("admin", request)).await.unwrap().into_inner().records
    }

    /// Waits until the chain has this many records; newest first.
    pub(crate) async fn records(&self, count: usize) -> Vec<Record> {
        eventually(SOON, || async move {
            let records = self.list(ListRecordsRequest { page_size: 200, ..Default::default() }).await;
            if records.len() == count { Ok(records) } else { Err(records.len()) }
        })
        .await
    }

    pub(crate) async fn verify(&self, from_sequence: u64) -> VerifyChainResponse {
        let request = self.request("admin", VerifyChainRequest { from_sequence });
        self.client().verify_chain(request).await.unwrap().into_inner()
    }

    /// Runs SQL on the service's own tables.
    pub(crate) async fn sql(&self, statement: impl Into<String>) -> Result<(), String> {
        let statement = statement.into();
        let run = self.store.transaction(move |tx| {
            Box::pin(async move { tx.execute_unprepared(&statement).await.map_err(kvartal_store::db_error) })
        });
        run.await.map(|_| ()).map_err(|error| error.chain())
    }
}

async fn start(postgres: Option<&Postgres>, people: &People) -> (Runtime, Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = kvartal_host::Config {
        log: "off".to_owned(),
        database_url: postgres.map(|postgres| postgres.url_for_schema("{service}")),
        shutdown_grace: Duration::from_secs(8),
        rate_factor: 1_000,
        ..kvartal_host::Config::embedded(folder.path().join("data"))
    };
    let runtime = Runtime::start(config).await.unwrap();
    kvartal_stage::stand_in(&runtime, "identity", kvartal_stage::identity(people));
    let service = kvartal_audit::service(&runtime, &Config::default()).await.unwrap();
    let store = service.store.clone();
    runtime.serve(service).await.unwrap();
    (runtime, store, folder)
}

/// Whoever asks.
pub(crate) fn person() -> Uuid {
    Uuid::from_u128(1)
}

/// A call that somebody made.
pub(crate) fn call(actor: &str, outcome: &str) -> Event {
    let call = CallAudited {
        method: "/kvartal.identity.v1.IdentityService/GrantRole".to_owned(),
        actor_id: actor.to_owned(),
        session_id: "s".to_owned(),
        outcome: outcome.to_owned(),
        address: "203.0.113.7".to_owned(),
    };
    Event::new("identity", actor, SystemClock.now(), &call)
}

/// A role that somebody gave.
pub(crate) fn granted(user: &str, time: Timestamp) -> Event {
    let granted = RoleGranted { user_id: user.to_owned(), role: Role::Dispatcher.into(), actor_id: "root".to_owned() };
    Event {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        ..Event::new("identity", user, time, &granted)
    }
}
