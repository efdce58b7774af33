//! Replicas of the identity service that can be told to misbehave.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kvartal_kernel::SystemClock;
use kvartal_mesh::auth::MeshKey;
use kvartal_mesh::server::server;
use kvartal_mesh::{BoxService, Directory, EndpointView, Remote, RemoteOptions, ServiceView};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tonic::Status;
use tonic::body::Body;

use crate::world::{MESH_SECRET, World};

/// What a replica does with a call.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// Answers after this.
    After(Duration),
    /// Refuses with this status, in the head of the answer.
    Refuse(Status),
    /// Never answers.
    Silent,
    /// Resets the stream.
    Reset,
    /// Begins to answer, and ends with UNAVAILABLE.
    Trailers,
}

/// One replica. It ends, connections and all, when it is dropped.
pub(crate) struct Replica {
    pub(crate) port: u16,
    state: Arc<State>,
    accepting: AbortHandle,
}

struct State {
    mode: Mutex<Mode>,
    calls: AtomicUsize,
    /// `grpc-previous-rpc-attempts` and `x-kvartal-criticality` of each call.
    headers: Mutex<Vec<(Option<String>, Option<String>)>>,
    service: BoxService,
}

impl Replica {
    pub(crate) async fn start(world: &World, mode: Mode) -> Self {
        Self::start_at(world, mode, 0).await
    }

    pub(crate) async fn start_at(world: &World, mode: Mode, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            mode: Mutex::new(mode),
            calls: AtomicUsize::new(0),
            headers: Mutex::default(),
            service: world.identity.clone(),
        });
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(state.clone(), request));
                    let _ = server().http2_only().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, state, accepting: accepting.abort_handle() }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.state.mode.lock().unwrap() = mode;
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn headers(&self) -> Vec<(Option<String>, Option<String>)> {
        self.state.headers.lock().unwrap().clone()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(state: Arc<State>, request: http::Request<Incoming>) -> Result<http::Response<Body>, io::Error> {
    state.calls.fetch_add(1, Ordering::SeqCst);
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let headers = (header("grpc-previous-rpc-attempts"), header("x-kvartal-criticality"));
    state.headers.lock().unwrap().push(headers);
    let mode = state.mode.lock().unwrap().clone();
    match mode {
        Mode::After(pause) => {
            tokio::time::sleep(pause).await;
            Ok(state.service.handle(request.map(Body::new)).await)
        }
        Mode::Refuse(status) => Ok(status.into_http()),
        Mode::Silent => std::future::pending().await,
        Mode::Reset => Err(io::Error::other("reset")),
        Mode::Trailers => {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "14".parse().unwrap());
            let frames = stream::iter([Ok::<_, Status>(Frame::trailers(trailers))]);
            let response = http::Response::builder().header("content-type", "application/grpc");
            Ok(response.body(Body::new(StreamBody::new(frames))).unwrap())
        }
    }
}

/// A directory in which identity has these replicas.
pub(crate) fn directory(replicas: &[Replica]) -> Directory {
    directory_with(replicas, RemoteOptions::default())
}

pub(crate) fn directory_with(replicas: &[Replica], options: RemoteOptions) -> Directory {
    let url: Vec<_> = replicas.iter().map(|replica| format!("http://127.0.0.1:{}", replica.port)).collect();
    let remote = Remote { url: url.join(","), key: Some(MeshKey::new(&MESH_SECRET)), options };
    Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), Some(remote))
}

pub(crate) type Client = IdentityServiceClient<kvartal_mesh::Channel>;

pub(crate) fn client(directory: &Directory) -> Client {
    IdentityServiceClient::new(directory.channel("identity", "notification").unwrap())
}

/// What only reads, and may be repeated.
pub(crate) async fn read(client: &mut Client) -> Result<(), Status> {
    let request = identity::GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() };
    client.get_contact(request).await.map(|_| ())
}

/// What must not be repeated.
pub(crate) async fn write(client: &mut Client) -> Result<(), Status> {
    client.sign_in(identity::SignInRequest::default()).await.map(|_| ())
}

/// How the calls to identity are doing.
pub(crate) fn view(directory: &Directory) -> ServiceView {
    directory.admin().into_iter().find(|view| view.service == "identity").unwrap()
}

/// How one replica is doing.
pub(crate) fn endpoint(directory: &Directory, replica: &Replica) -> EndpointView {
    let address = format!("127.0.0.1:{}", replica.port);
    view(directory).endpoints.into_iter().find(|endpoint| endpoint.address == address).unwrap()
}

/// A client of replicas that are all connected.
pub(crate) async fn connected(directory: &Directory) -> Client {
    let mut client = client(directory);
    read(&mut client).await.unwrap();
    eventually("all are connected", || view(directory).endpoints.iter().all(|one| one.connections == 2)).await;
    client
}

/// Waits for a condition; it must come within a minute, however busy the machine is.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Refusal as an overloaded or stopping server gives it.
pub(crate) fn unavailable() -> Status {
    Status::unavailable("not now")
}
