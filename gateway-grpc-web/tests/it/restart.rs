//! Replicas of a service restart one after the other while people call through Envoy.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use kvartal_gateway_grpc_web::envoy::{self, Settings};
use kvartal_host::{Config, Runtime, Service};
use kvartal_proto::incident::v1::ListIncidentsRequest;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_testing::{Envoy, eventually, free_port};
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Endpoint;

const PATIENCE: Duration = Duration::from_secs(60);
const CALLERS: usize = 4;

/// Answers every RPC of one of the services of `incident` with an empty message, after a moment.
#[derive(Clone)]
struct Empty<const SERVICE: usize>;

impl NamedService for Empty<0> {
    const NAME: &'static str = "kvartal.incident.v1.IncidentService";
}

impl NamedService for Empty<1> {
    const NAME: &'static str = "kvartal.incident.v1.ReportService";
}

impl NamedService for Empty<2> {
    const NAME: &'static str = "kvartal.incident.v1.SuggestionService";
}

impl<const SERVICE: usize> tower::Service<Request<Body>> for Empty<SERVICE> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        Box::pin(async {
            // Long enough for a restart to find calls on their way.
            tokio::time::sleep(Duration::from_millis(10)).await;
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
            let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
            let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, Infallible>)));
            let mut response = Response::new(Body::new(body));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            Ok(response)
        })
    }
}

/// One replica.
struct Replica {
    runtime: Runtime,
    _data: tempfile::TempDir,
}

impl Replica {
    async fn start(address: SocketAddr) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::embedded(data.path());
        config.rate_factor = 1_000_000;
        let runtime = Runtime::start(config).await.unwrap();
        let store = runtime.store("incident", Vec::new()).await.unwrap();
        let service = Service::new("incident", store).grpc(Empty::<0>).grpc(Empty::<1>).grpc(Empty::<2>);
        runtime.serve(service).await.unwrap();
        kvartal_host::listen(&runtime, address).await.unwrap();
        runtime.health().started().await;
        Self { runtime, _data: data }
    }

    async fn stop(self) {
        let stopped = self.runtime.shutdown().await;
        assert!(stopped.clean(), "{stopped:?}");
    }
}

/// Both replicas, as Envoy sees them.
async fn all_healthy(envoy: &Envoy) -> bool {
    let clusters = envoy.admin("/clusters").await;
    clusters.lines().filter(|line| line.starts_with("incident::127") && line.ends_with("health_flags::healthy")).count()
        == 2
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_costs_no_call_that_may_be_repeated() {
    let addresses = [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let mut replicas = vec![Replica::start(addresses[0]).await, Replica::start(addresses[1]).await];
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
        admin: SocketAddr::from(([127, 0, 0, 1], free_port())),
        upstream: "127.0.0.1:1".parse().unwrap(),
        upstreams: [("incident".to_owned(), addresses.map(Into::into).to_vec())].into(),
        pages: vec![addresses[0].into()],
        ..Settings::default()
    };
    let config = envoy::yaml(&envoy::config(kvartal_proto::contract(), &settings)).unwrap();
    let envoy = Envoy::start(&config, settings.admin.port()).await;
    eventually(PATIENCE, || all_healthy(&envoy)).await;

    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let url = format!("http://{}", settings.listen);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (url, done, answered) = (url.clone(), Arc::clone(&done), Arc::clone(&answered));
        callers.spawn(async move {
            let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
            let mut client = IncidentServiceClient::new(channel);
            while !done.load(Ordering::Relaxed) {
                client.list_incidents(ListIncidentsRequest::default()).await?;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), tonic::Status>(())
        });
    }

    let more = |than: u64| {
        let answered = Arc::clone(&answered);
        async move { eventually(PATIENCE, || async { answered.load(Ordering::Relaxed) > than }).await }
    };
    more(100).await;
    for address in addresses {
        replicas.remove(0).stop().await;
        // Some calls with one replica only.
        more(answered.load(Ordering::Relaxed) + 100).await;
        replicas.push(Replica::start(address).await);
        eventually(PATIENCE, || all_healthy(&envoy)).await;
    }
    more(answered.load(Ordering::Relaxed) + 100).await;
    done.store(true, Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap().unwrap_or_else(|status| panic!("after {answered:?} calls: {status:?}"));
    }
    eprintln!("{answered:?} calls, all answered");
    envoy.stop().await;
    for replica in replicas {
        replica.stop().await;
    }
}
