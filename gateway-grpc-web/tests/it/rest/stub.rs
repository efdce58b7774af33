//! An incident service that says what it saw of a call, and whose stream is what the test sends.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use kvartal_host::{Runtime, Service};
use kvartal_kernel::Caller;
use kvartal_proto::incident::v1::{ListIncidentsRequest, ListIncidentsResponse, WatchIncidentsResponse};
use prost::Message;
use serde_json::json;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;

use crate::platform::frame;

type Feed = ReceiverStream<Result<WatchIncidentsResponse, Status>>;

/// The service.
#[derive(Clone)]
struct Stub(Arc<Mutex<Option<Feed>>>);

impl NamedService for Stub {
    const NAME: &'static str = "kvartal.incident.v1.IncidentService";
}

impl tower::Service<Request<Body>> for Stub {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let feed = Arc::clone(&self.0);
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let (head, body) = request.into_parts();
            let message = body.collect().await.unwrap().to_bytes().split_off(5);
            Ok(match method.as_str() {
                "ListIncidents" => answer(list(&head, message)),
                "WatchIncidents" => watch(feed.lock().unwrap().take().expect("one stream for each test")),
                other => Status::unimplemented(other).into_http(),
            })
        })
    }
}

/// Another service of incident's contract, which answers nothing here.
macro_rules! silent {
    ($name:ident, $service:literal) => {
        #[derive(Clone)]
        struct $name;

        impl NamedService for $name {
            const NAME: &'static str = $service;
        }

        impl tower::Service<Request<Body>> for $name {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, _: Request<Body>) -> Self::Future {
                std::future::ready(Ok(Status::unimplemented("not here").into_http()))
            }
        }
    };
}

silent!(Reports, "kvartal.incident.v1.ReportService");
silent!(Suggestions, "kvartal.incident.v1.SuggestionService");

fn list(head: &http::request::Parts, message: Bytes) -> ListIncidentsResponse {
    let asked = ListIncidentsRequest::decode(message).unwrap();
    let caller = head.extensions.get::<Caller>().unwrap();
    let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap());
    let seen = json!({
        "page_size": asked.page_size,
        "statuses": asked.filter.unwrap_or_default().statuses,
        "address": caller.address,
        "user_agent": caller.user_agent,
        "language": header("accept-language"),
        "traceparent": header("traceparent"),
        "others": head.headers.contains_key("x-other") || head.headers.contains_key("accept-encoding"),
    });
    ListIncidentsResponse { next_page_token: seen.to_string(), ..ListIncidentsResponse::default() }
}

fn answer(message: impl Message) -> Response<Body> {
    let frames =
        [Ok::<_, Infallible>(Frame::data(frame(&message.encode_to_vec()))), Ok(Frame::trailers(trailers(None)))];
    response(Body::new(StreamBody::new(tokio_stream::iter(frames))))
}

fn watch(feed: Feed) -> Response<Body> {
    let frames = feed.map(|item| {
        Ok::<_, Infallible>(match item {
            Ok(message) => Frame::data(frame(&message.encode_to_vec())),
            Err(status) => Frame::trailers(trailers(Some(&status))),
        })
    });
    response(Body::new(StreamBody::new(frames)))
}

fn response(body: Body) -> Response<Body> {
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

fn trailers(status: Option<&Status>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status.unwrap_or(&Status::new(tonic::Code::Ok, "")).add_header(&mut trailers).unwrap();
    trailers
}

/// Makes the stub answer in a runtime; what is sent comes out of its stream.
pub(crate) async fn serve_stub(runtime: &Runtime) -> Sender<Result<WatchIncidentsResponse, Status>> {
    let (sender, feed) = channel(1);
    let store = runtime.store("incident", Vec::new()).await.unwrap();
    let pages = axum::Router::new().route("/photos/{name}", get(|| async { "a photo" }));
    let stub = Stub(Arc::new(Mutex::new(Some(ReceiverStream::new(feed)))));
    runtime
        .serve(Service::new("incident", store).grpc(stub).grpc(Reports).grpc(Suggestions).http(pages))
        .await
        .unwrap();
    sender
}
