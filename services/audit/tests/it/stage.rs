//! The service on a real runtime, an identity service that knows one key, and people who ask.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_audit::Config;
use kvartal_events::Event;
use kvartal_host::Runtime;
use kvartal_kernel::{Clock as _, SystemClock, Timestamp, Uuid};
use kvartal_mesh::BoxService;
use kvartal_mesh::audit::NoAudit;
use kvartal_mesh::auth::{AUDIENCE, Claims, ISSUER, SigningKey, TokenKind};
use kvartal_mesh::server::{Limits, Stack};
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::audit::v1::{CallAudited, ListRecordsRequest, Record, VerifyChainRequest, VerifyChainResponse};
use kvartal_proto::contract::v1::Role;
use kvartal_proto::identity::v1::{GetJwksResponse, Jwk, RoleGranted};
use kvartal_store::Store;
use kvartal_testing::{Postgres, eventually};
use prost::Message;
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
    key: SigningKey,
    _folder: TempDir,
    postgres: Option<Postgres>,
}

impl Stage {
    pub(crate) async fn start(database: Database) -> Self {
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(kvartal_testing::postgres().await),
        };
        let key = SigningKey::from_seed("test", &[7; 32]).unwrap();
        let (runtime, store, folder) = start(postgres.as_ref(), &key).await;
        Self { runtime, store, key, _folder: folder, postgres }
    }

    /// A second process on the same database, with a bus of its own.
    pub(crate) async fn replica(&self) -> (Runtime, TempDir) {
        let (runtime, _, folder) = start(self.postgres.as_ref(), &self.key).await;
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
        let now = SystemClock.now().seconds();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: person(),
            sid: Some(Uuid::from_u128(2)),
            generation: 1,
            kind: TokenKind::User,
            roles: vec![role.to_owned()],
            iat: now,
            nbf: now,
            exp: now + 300,
            jti: Uuid::new_v4(),
        };
        let token = self.key.sign(&claims).unwrap();
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
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

async fn start(postgres: Option<&Postgres>, key: &SigningKey) -> (Runtime, Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = kvartal_host::Config {
        log: "off".to_owned(),
        database_url: postgres.map(|postgres| postgres.url_for_schema("{service}")),
        shutdown_grace: Duration::from_secs(8),
        rate_factor: 1_000,
        ..kvartal_host::Config::embedded(folder.path().join("data"))
    };
    let runtime = Runtime::start(config).await.unwrap();
    register_identity(&runtime, key);
    let service = kvartal_audit::service(&runtime, &Config::default()).await.unwrap();
    let store = service.store.clone();
    runtime.serve(service).await.unwrap();
    (runtime, store, folder)
}

/// An identity service that answers GetJwks and nothing else, behind its real stack.
fn register_identity(runtime: &Runtime, key: &SigningKey) {
    let public = key.public().clone();
    let jwk = Jwk {
        kid: public.kid,
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(public.x),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    };
    let encoded = GetJwksResponse { keys: vec![jwk] }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&encoded);
    let jwks = move || {
        let full = http_body_util::Full::new(Bytes::from(frame.clone()));
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        let body = http_body_util::BodyExt::with_trailers(full, std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        std::future::ready(response)
    };
    let stack = Stack {
        contract: kvartal_proto::contract(),
        service: "identity",
        verifier: runtime.verifier(),
        mesh_key: None,
        limiter: runtime.limiter(),
        audit: Arc::new(NoAudit),
        clock: runtime.clock(),
        stop: runtime.stop(),
        calls: runtime.calls().clone(),
        limits: Limits::default(),
    };
    let routes = Router::new().route("/kvartal.identity.v1.IdentityService/GetJwks", post(jwks));
    runtime.directory().register("identity", stack.wrap(routes.into()));
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
