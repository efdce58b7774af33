//! A runtime with one stub service behind either edge, and the clients that tests call it with.

use std::net::SocketAddr;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kvartal_gateway_grpc_web::envoy::{self, Settings};
use kvartal_gateway_grpc_web::{Edge, Options};
use kvartal_host::{Config, Runtime, Service};
use kvartal_kernel::Caller;
use kvartal_proto::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use kvartal_proto::audit::v1::{ListRecordsRequest, ListRecordsResponse, VerifyChainRequest, VerifyChainResponse};
use kvartal_testing::{Envoy, free_port};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::Status;

/// Answers nothing of interest: the tests are about what stands before it.
struct Stub;

#[tonic::async_trait]
impl AuditService for Stub {
    async fn list_records(
        &self,
        _: tonic::Request<ListRecordsRequest>,
    ) -> Result<tonic::Response<ListRecordsResponse>, Status> {
        Ok(tonic::Response::new(ListRecordsResponse::default()))
    }

    async fn verify_chain(
        &self,
        _: tonic::Request<VerifyChainRequest>,
    ) -> Result<tonic::Response<VerifyChainResponse>, Status> {
        Ok(tonic::Response::new(VerifyChainResponse::default()))
    }
}

/// What stands at the public port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Front {
    /// The edge inside the process.
    InProcess,
    /// The real Envoy, with the configuration that the contract gives.
    Envoy,
}

impl Front {
    /// What holds for one holds for the other.
    pub(crate) const BOTH: [Self; 2] = [Self::InProcess, Self::Envoy];
}

/// A running edge.
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    pub(crate) envoy: Option<Envoy>,
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) runtime: Runtime,
    _data: tempfile::TempDir,
}

impl Platform {
    /// With the ordinary options.
    pub(crate) async fn start(front: Front) -> Self {
        Self::start_with(front, Options::default()).await
    }

    /// With these.
    pub(crate) async fn start_with(front: Front, options: Options) -> Self {
        // Shown when a test fails.
        eprintln!("edge: {front:?}");
        let data = tempfile::tempdir().unwrap();
        let runtime = Runtime::start(Config::embedded(data.path())).await.unwrap();
        let store = runtime.store("audit", Vec::new()).await.unwrap();
        let routes = Router::new()
            .route("/test/headers", get(headers))
            .route("/test/size", post(|body: Bytes| async move { body.len().to_string() }))
            .route("/test/page", get(|| async { axum::response::Html("<p>a page</p>") }));
        let service = Service::new("audit", store).grpc(AuditServiceServer::new(Stub)).http(routes);
        runtime.serve(service).await.unwrap();
        runtime.health().started().await;
        let (address, envoy) = match front {
            Front::InProcess => (serve(&runtime, options).await, None),
            Front::Envoy => {
                let (address, envoy) = behind_envoy(&runtime, options).await;
                (address, Some(envoy))
            }
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, envoy, client, runtime, _data: data }
    }

    /// A request to this path.
    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.address))
    }

    /// Sends it; the answer with its body still to come.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.client.request(request).await.unwrap()
    }

    /// Sends it; the answer with its whole body.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let (parts, body) = self.open(request).await.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    /// GET, as text.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self.send(self.request("GET", path).body(Full::default()).unwrap()).await;
        (answer.status(), String::from_utf8(answer.into_body().to_vec()).unwrap())
    }

    /// A connection that speaks gRPC.
    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        tonic::transport::Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// Ends it; everything must end by itself.
    pub(crate) async fn stop(self) {
        if let Some(envoy) = self.envoy {
            envoy.stop().await;
        }
        let stopped = self.runtime.shutdown().await;
        assert!(stopped.clean(), "{stopped:?}");
    }
}

/// The edge inside the process.
async fn serve(runtime: &Runtime, options: Options) -> SocketAddr {
    let edge = Edge::new(runtime, options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = runtime.stop();
    runtime.spawn("edge", async move { edge.serve(listener, stop).await.unwrap() });
    address
}

/// Envoy before the process, as in a cluster: services on one port, pages on another, and nobody where services are that
/// do not run here.
async fn behind_envoy(runtime: &Runtime, options: Options) -> (SocketAddr, Envoy) {
    let services = kvartal_host::listen(runtime, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
        admin: SocketAddr::from(([127, 0, 0, 1], free_port())),
        allow_origin: options.allow_origin.clone(),
        trusted_proxies: u32::try_from(options.trusted_proxies).unwrap(),
        upstream: "127.0.0.1:1".parse().unwrap(),
        ..Settings::default()
    };
    settings.upstreams.insert("audit".to_owned(), vec![services.into()]);
    settings.pages =
        vec![serve(runtime, Options { trusted_proxies: 1, allow_origin: Vec::new(), ..options }).await.into()];
    let config = envoy::yaml(&envoy::config(kvartal_proto::contract(), &settings)).unwrap();
    (settings.listen, Envoy::start(&config, settings.admin.port()).await)
}

/// What a service sees of a request.
async fn headers(headers: HeaderMap, axum::Extension(caller): axum::Extension<Caller>) -> axum::Json<Value> {
    let names: Vec<String> = headers.keys().map(ToString::to_string).collect();
    axum::Json(json!({ "headers": names, "address": caller.address, "user_agent": caller.user_agent }))
}

/// A message in gRPC's frame: a flag, the length, the bytes.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    frame.freeze()
}

/// The frames of a gRPC-Web answer: messages, then trailers as text.
pub(crate) fn frames(mut body: &[u8]) -> (Vec<Vec<u8>>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while let [flag, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (content, next) = rest.split_at(length);
        if flag & 0x80 == 0 {
            messages.push(content.to_vec());
        } else {
            trailers = String::from_utf8(content.to_vec()).unwrap();
        }
        body = next;
    }
    (messages, trailers)
}
