//! The client that the suite tests: one call of our channels as the suite describes it, and what came of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use kvartal_kernel::SystemClock;
use kvartal_mesh::{Channel, Directory, Remote, RemoteOptions};
use kvartal_stage::BytesCodec;
use prost::Message as _;
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;

use super::pb::client_compat_request::cancel::CancelTiming;
use super::pb::client_compat_response::Result as Outcome;
use super::pb::conformance_payload::RequestInfo;
use super::{header_map, headers, pb};

const SERVICE: &str = "connectrpc.conformance.v1.ConformanceService";
/// The suite asks for two seconds at most, the contract for sixty.
const LONGEST_ASKED_MS: i64 = 30_000;

/// Makes the call that is asked for, and tells what came of it.
pub async fn call(asked: pb::ClientCompatRequest) -> pb::ClientCompatResponse {
    let test_name = asked.test_name.clone();
    let result = match attempt(asked).await {
        Ok(response) => Outcome::Response(response),
        Err(error) => Outcome::Error(pb::ClientErrorResult { message: format!("{error:#}") }),
    };
    pb::ClientCompatResponse { test_name, result: Some(result) }
}

async fn attempt(asked: pb::ClientCompatRequest) -> anyhow::Result<pb::ClientResponseResult> {
    let seen = Seen::default();
    let recorder = Recorder { inner: channel(&asked)?, seen: seen.clone() };
    let mut grpc = Grpc::new(recorder);
    if asked.message_receive_limit > 0 {
        grpc = grpc.max_decoding_message_size(usize::try_from(asked.message_receive_limit)?);
    }
    // As it is: the suite's servers understand more than we do.
    let message = asked.request_messages.first().map(|message| Bytes::from(message.value.clone()));
    let mut request = tonic::Request::new(message.unwrap_or_default());
    *request.metadata_mut() = MetadataMap::from_headers(header_map(&asked.request_headers)?);
    if let Some(timeout) = asked.timeout_ms {
        request.set_timeout(Duration::from_millis(timeout.into()));
    }
    let method = asked.method.as_deref().unwrap_or("Unary");
    let path = PathAndQuery::try_from(format!("/{SERVICE}/{method}"))?;
    let mut payloads = Vec::new();
    let timing = asked.cancel.map(|cancel| cancel.cancel_timing.unwrap_or(CancelTiming::AfterCloseSendMs(0)));
    let work = async {
        if method == "ServerStream" {
            let most = match timing {
                Some(CancelTiming::AfterNumResponses(most)) => usize::try_from(most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            stream(&mut grpc, request, path, most, &mut payloads).await
        } else {
            let answer = grpc.unary(request, path, BytesCodec).await?;
            payloads.push(payload(answer.into_inner())?);
            Ok(())
        }
    };
    let outcome = match timing {
        Some(CancelTiming::AfterCloseSendMs(after)) => {
            let pause = Duration::from_millis(after.into());
            tokio::time::timeout(pause, work).await.unwrap_or_else(|_| Err(cancelled()))
        }
        _ => work.await,
    };
    let seen = both(&seen.0).clone();
    Ok(pb::ClientResponseResult {
        response_headers: headers(&seen.head),
        payloads,
        error: outcome.err().map(|status| error(&status)),
        response_trailers: headers(&seen.tail),
    })
}

/// A way of its own for each call: the suite's servers fail on purpose, and ours would soon leave them alone.
fn channel(asked: &pb::ClientCompatRequest) -> anyhow::Result<Channel> {
    let url = format!("http://{}:{}", asked.host, asked.port);
    let remote = Remote { url, key: None, options: RemoteOptions { connections: 1, ..RemoteOptions::default() } };
    Ok(Directory::new(super::contract(), Arc::new(SystemClock), Some(remote)).channel(super::NAME, super::NAME)?)
}

async fn stream(
    grpc: &mut Grpc<Recorder>,
    request: tonic::Request<Bytes>,
    path: PathAndQuery,
    most: usize,
    payloads: &mut Vec<pb::ConformancePayload>,
) -> Result<(), Status> {
    let mut answers = grpc.server_streaming(request, path, BytesCodec).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        payloads.push(payload(answer)?);
        if payloads.len() >= most {
            return Err(cancelled());
        }
    }
    Ok(())
}

/// Answers of both methods look the same.
fn payload(answer: Bytes) -> Result<pb::ConformancePayload, Status> {
    let answer = pb::UnaryResponse::decode(answer).map_err(|error| Status::internal(error.to_string()))?;
    let mut payload = answer.payload.unwrap_or_default();
    if let Some(info) = &mut payload.request_info {
        forget_contract(info);
    }
    Ok(payload)
}

/// Our calls have a deadline always, the contract's. The suite wants to hear of those only that it has asked for, which are
/// far shorter.
fn forget_contract(info: &mut RequestInfo) {
    info.timeout_ms.take_if(|left| *left > LONGEST_ASKED_MS);
}

/// Whoever drops a call is told nothing: this is the client's own word.
fn cancelled() -> Status {
    Status::cancelled("the client has dropped the call")
}

fn error(status: &Status) -> pb::Error {
    let mut details = tonic_types::Status::decode(status.details()).map(|rich| rich.details).unwrap_or_default();
    for detail in &mut details {
        if let Ok(mut info) = detail.to_msg::<RequestInfo>() {
            forget_contract(&mut info);
            detail.value = info.encode_to_vec();
        }
    }
    pb::Error { code: status.code() as i32, message: Some(status.message().to_owned()), details }
}

/// Headers and trailers as they came. tonic's clients mix them.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Both>>);

#[derive(Clone, Default)]
struct Both {
    head: HeaderMap,
    tail: HeaderMap,
}

fn both(seen: &Mutex<Both>) -> MutexGuard<'_, Both> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A channel that notes what it brings.
#[derive(Clone)]
struct Recorder {
    inner: Channel,
    seen: Seen,
}

impl tower::Service<Request<Body>> for Recorder {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Status>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answer, Seen(seen)) = (self.inner.call(request), self.seen.clone());
        Box::pin(async move {
            let answer = answer.await?;
            // An answer without messages has its trailers in its headers.
            if answer.headers().contains_key("grpc-status") {
                both(&seen).tail = answer.headers().clone();
            } else {
                both(&seen).head = answer.headers().clone();
            }
            Ok(answer.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    if let Some(trailers) = frame.trailers_ref() {
                        both(&seen).tail = trailers.clone();
                    }
                    frame
                }))
            }))
        })
    }
}
