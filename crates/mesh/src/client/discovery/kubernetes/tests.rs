//! Against a small server that speaks the list and watch protocol of the API server. It is a fake: the real one is met in
//! the end-to-end tests only.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::watch;
use crate::client::discovery::Port;
use crate::client::discovery::slices::tests::slice;

/// Serves one listing, and one watch that tells what is sent.
fn api_server(
    listener: TcpListener,
    listed: Value,
    events: mpsc::UnboundedReceiver<Value>,
) -> impl Future<Output = ()> {
    let events = std::sync::Arc::new(std::sync::Mutex::new(Some(events)));
    async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (listed, events) = (listed.clone(), events.clone());
            let answer = service_fn(move |request: http::Request<Incoming>| {
                let query = request.uri().query().unwrap_or_default().to_owned();
                assert_eq!(request.uri().path(), "/apis/discovery.k8s.io/v1/namespaces/city/endpointslices");
                assert!(query.contains("labelSelector=kubernetes.io%2Fservice-name%3Didentity"), "{query}");
                let body = if query.contains("watch=true") {
                    let events = events.lock().unwrap().take().expect("one watch");
                    let lines = UnboundedReceiverStream::new(events)
                        .map(|event| Ok::<_, Infallible>(Frame::data(Bytes::from(format!("{event}\n")))));
                    StreamBody::new(lines).boxed_unsync()
                } else {
                    Full::new(Bytes::from(listed.to_string())).boxed_unsync()
                };
                async { Ok::<_, Infallible>(http::Response::new(body)) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            tokio::task::spawn_local(async { connection.await.unwrap_or_default() });
        }
    }
}

fn told(kind: &str, mut slice: Value, version: u32) -> Value {
    slice["metadata"]["resourceVersion"] = version.to_string().into();
    json!({"type": kind, "object": slice})
}

#[tokio::test]
async fn changes_arrive_as_the_api_server_tells_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let listed = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSliceList",
        "metadata": {"resourceVersion": "1"},
        "items": [slice("a", &[("10.0.0.1", Some(true), None)])],
    });
    let (tell, events) = mpsc::unbounded_channel();
    let test = async {
        let client = Client::try_from(kube::Config::new(url)).unwrap();
        let mut endpoints = Box::pin(watch(client, "city", "identity", Port::Named("grpc".into())));
        let mut next = async || {
            let found = timeout(Duration::from_secs(5), endpoints.next()).await.unwrap().unwrap();
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(next().await, ["10.0.0.1:9090"]);
        let began = Instant::now();
        tell.send(told("ADDED", slice("b", &[("10.0.0.2", Some(true), None)]), 2)).unwrap();
        assert_eq!(next().await, ["10.0.0.1:9090", "10.0.0.2:9090"]);
        let ending = slice("a", &[("10.0.0.1", Some(true), Some(true))]);
        tell.send(told("MODIFIED", ending, 3)).unwrap();
        assert_eq!(next().await, ["10.0.0.2:9090"]);
        tell.send(told("DELETED", slice("b", &[]), 4)).unwrap();
        assert_eq!(next().await, [""; 0]);
        eprintln!("three changes told by the watch took {:?}", began.elapsed());
    };
    let server = api_server(listener, listed, events);
    tokio::task::LocalSet::new()
        .run_until(async {
            tokio::select! {
                () = test => {}
                () = server => panic!("the server has ended"),
            }
        })
        .await;
}
