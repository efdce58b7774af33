//! Runtimes for tests, and a small platform: identity that knows one key, and audit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use kvartal_host::{Config, Runtime, Service};
use kvartal_kernel::{Clock as _, SystemClock, Timestamp, Uuid};
use kvartal_proto::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use kvartal_proto::audit::v1::{ListRecordsRequest, ListRecordsResponse, VerifyChainRequest, VerifyChainResponse};
use kvartal_stage::People;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

/// The longest anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A runtime and the folder it keeps things in.
pub(crate) struct Host {
    pub(crate) runtime: Runtime,
    pub(crate) _folder: TempDir,
}

/// Options for a folder of its own; quiet.
pub(crate) fn config(folder: &TempDir) -> Config {
    Config {
        log: "off".to_owned(),
        shutdown_grace: Duration::from_secs(4),
        ..Config::embedded(folder.path().join("data"))
    }
}

/// Embedded, but for what `change` names.
pub(crate) async fn host(change: impl FnOnce(&mut Config)) -> Host {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    change(&mut config);
    Host { runtime: Runtime::start(config).await.unwrap(), _folder: folder }
}

/// Lets a test hold calls back.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
}

/// The audit service as far as these tests need it: verifying waits at the gate.
struct Audit(Arc<Gate>);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_records(&self, _: Request<ListRecordsRequest>) -> Result<Response<ListRecordsResponse>, Status> {
        Ok(Response::new(ListRecordsResponse::default()))
    }

    async fn verify_chain(&self, _: Request<VerifyChainRequest>) -> Result<Response<VerifyChainResponse>, Status> {
        self.0.entered.notify_one();
        self.0.open.notified().await;
        Ok(Response::new(VerifyChainResponse { intact: true, ..Default::default() }))
    }
}

/// A platform of two services on a socket.
pub(crate) struct Platform {
    pub(crate) host: Host,
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    people: People,
}

impl Platform {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let host = host(change).await;
        let runtime = &host.runtime;
        let people = People::new(Arc::new(SystemClock));
        kvartal_stage::stand_in(runtime, "identity", kvartal_stage::identity(&people));
        let gate = Arc::new(Gate::default());
        let store = runtime.store("audit", Vec::new()).await.unwrap();
        let http = Router::new()
            .route("/test/whoami", get(whoami))
            .route("/test/take", post(|body: bytes::Bytes| async move { body.len().to_string() }))
            .route("/test/panic", get(panics));
        let service = Service::new("audit", store).grpc(AuditServiceServer::new(Audit(gate.clone()))).http(http);
        runtime.serve(service).await.unwrap();
        let address = kvartal_host::listen(runtime, ([127, 0, 0, 1], 0).into()).await.unwrap();
        runtime.health().started().await;
        Self { host, address, gate, people }
    }

    /// A good access token of a user with these roles.
    pub(crate) fn token(&self, user: Uuid, session: Uuid, roles: &[&str]) -> String {
        self.people.token(user, session, roles)
    }

    /// A client of the audit service over the network.
    pub(crate) async fn audit(
        &self,
    ) -> kvartal_proto::audit::v1::audit_service_client::AuditServiceClient<tonic::transport::Channel> {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        kvartal_proto::audit::v1::audit_service_client::AuditServiceClient::new(endpoint.connect().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str, headers: &str) -> (u16, String) {
        http(self.address, "GET", path, headers, "").await
    }
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

async fn whoami(axum::Extension(caller): axum::Extension<kvartal_kernel::Caller>) -> String {
    format!("{} from {}", caller.actor_id(), caller.address)
}

/// One HTTP/1.1 request: the status and the body.
pub(crate) async fn http(address: SocketAddr, verb: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    // A server that refuses a large body may close before it has read it.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer}")).parse().unwrap();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// A moment of the machine's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
