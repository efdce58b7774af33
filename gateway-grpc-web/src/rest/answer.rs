//! Answers: one message as a JSON object, or a stream of messages, one line each.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited};
use kvartal_mesh::Response;
use prost_reflect::MessageDescriptor;
use serde_json::json;
use tonic::body::Body;
use tonic::{Code, Status};

use super::binding::Binding;
use super::{CONTENT, EVENTS, json, problem};

/// Largest message of an answer, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What stands before each message of gRPC: a flag and the length.
const PREFIX: usize = 5;

/// How the messages of a stream are set apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Each in a line of its own.
    Lines,
    /// As server-sent events (`text/event-stream`), for EventSource.
    Events,
}

/// The answer of an RPC without a stream.
pub(crate) async fn unary(binding: &Binding, response: Response) -> Response {
    match message(binding, response).await {
        Ok(json) => content(CONTENT, Body::new(http_body_util::Full::from(json))),
        Err(status) => problem::response(&status),
    }
}

/// The error that an RPC ended with, if any.
pub(crate) async fn refusal(response: Response) -> Option<Status> {
    let (head, body) = response.into_parts();
    if let Err(status) = refused(head.status, &head.headers) {
        return Some(status);
    }
    let collected = Limited::new(body, MESSAGE_BYTES_MAX + PREFIX).collect().await.ok()?;
    refused(StatusCode::OK, collected.trailers()?).err()
}

async fn message(binding: &Binding, response: Response) -> Result<Vec<u8>, Status> {
    let (head, body) = response.into_parts();
    refused(head.status, &head.headers)?;
    let collected = Limited::new(body, MESSAGE_BYTES_MAX + PREFIX).collect().await;
    let collected = collected.map_err(Status::from_error)?;
    if let Some(trailers) = collected.trailers() {
        refused(StatusCode::OK, trailers)?;
    }
    let mut body = BytesMut::from(collected.to_bytes());
    let message = take(&mut body)?.ok_or_else(unreadable)?;
    json::from_encoded(&binding.output, message).map_err(|_| unreadable())
}

/// The answer of an RPC with a stream. An error before the first message is an ordinary one; a later one is the last thing
/// of the stream: `{"error": …}`, or the event `error`.
pub(crate) fn stream(binding: &Binding, response: Response, format: Format) -> Response {
    let (head, body) = response.into_parts();
    if let Err(status) = refused(head.status, &head.headers) {
        return problem::response(&status);
    }
    let lines = Lines { inner: Some(body), buffer: BytesMut::new(), output: binding.output.clone(), format };
    let mut response = content(if format == Format::Events { EVENTS } else { CONTENT }, Body::new(lines));
    // Nothing between us and the reader may collect what is meant to arrive at once.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn content(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The error that headers or trailers tell.
fn refused(http: StatusCode, headers: &HeaderMap) -> Result<(), Status> {
    match Status::from_header_map(headers) {
        Some(status) if status.code() == Code::Ok => Ok(()),
        Some(status) => Err(status),
        None if http == StatusCode::OK => Ok(()),
        None => {
            tracing::warn!(%http, "a service did not answer as gRPC");
            Err(crate::backend::status(Code::Unavailable, "SERVICE_UNREACHABLE", "the service cannot be reached now"))
        }
    }
}

fn unreadable() -> Status {
    tracing::error!("the answer of a service could not be read");
    crate::backend::status(Code::Internal, "INTERNAL", "something went wrong on our side")
}

/// The first message in the buffer, if all of it is there.
fn take(buffer: &mut BytesMut) -> Result<Option<Bytes>, Status> {
    let Some((&[flag, a, b, c, d], rest)) = buffer.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    // Nothing compressed was asked for.
    if flag != 0 || length > MESSAGE_BYTES_MAX {
        return Err(unreadable());
    }
    if rest.len() < length {
        return Ok(None);
    }
    buffer.advance(PREFIX);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// A stream of messages as text. Each message is a frame of its own, so it leaves when it is there.
struct Lines {
    /// The messages; gone when the stream has ended.
    inner: Option<Body>,
    buffer: BytesMut,
    output: MessageDescriptor,
    format: Format,
}

impl Lines {
    fn line(&self, mut json: Vec<u8>) -> Bytes {
        match self.format {
            Format::Lines => json.push(b'\n'),
            Format::Events => {
                json.splice(..0, *b"data: ");
                json.extend_from_slice(b"\n\n");
            }
        }
        json.into()
    }

    fn end(&mut self, status: &Status) -> Bytes {
        self.inner = None;
        let error = problem::body(status);
        match self.format {
            Format::Lines => format!("{}\n", json!({ "error": error })).into(),
            Format::Events => format!("event: error\ndata: {error}\n\n").into(),
        }
    }

    fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(message) = take(&mut self.buffer)? else { return Ok(None) };
        let json = json::from_encoded(&self.output, message).map_err(|_| unreadable())?;
        Ok(Some(self.line(json)))
    }
}

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            let failed = match this.next() {
                Ok(Some(line)) => return Poll::Ready(Some(Ok(Frame::data(line)))),
                Ok(None) => None,
                Err(status) => Some(status),
            };
            let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
            let failed = match failed {
                Some(status) => status,
                None => match ready!(Pin::new(inner).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => {
                            this.buffer.extend_from_slice(&data);
                            continue;
                        }
                        Err(frame) => match frame.trailers_ref().map(|trailers| refused(StatusCode::OK, trailers)) {
                            Some(Err(status)) => status,
                            _ => continue,
                        },
                    },
                    Some(Err(status)) => status,
                    None => {
                        this.inner = None;
                        return Poll::Ready(None);
                    }
                },
            };
            this.buffer.clear();
            return Poll::Ready(Some(Ok(Frame::data(this.end(&failed)))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none() && self.buffer.is_empty()
    }
}
