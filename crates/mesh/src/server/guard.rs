//! The protocol guard: what tonic accepts and gRPC does not.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use http_body::{Body as _, Frame};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::service::{Request, Response};
use crate::status::refusal;

/// Refuses what is no gRPC call at all, in the words of HTTP: another verb than POST, another content type than gRPC. The
/// latter also keeps web pages from sending calls as simple requests.
pub(crate) fn refuse<B>(request: &http::Request<B>) -> Option<Response> {
    if request.method() != Method::POST {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii_end();
    let known = essence == b"application/grpc" || essence == b"application/grpc+proto";
    (!known).then(|| empty(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Waits for the message of a request: exactly one, neither none, nor two, nor one that is too large. Every RPC of the
/// platform takes one message. tonic would read and drop further messages without end.
pub(crate) async fn receive(request: &mut Request, bytes_max: usize) -> Result<(), Status> {
    let mut message = OneMessage { state: State::Prefix { bytes: [0; 5], seen: 0 }, bytes_max };
    let mut received = Received::default();
    while let Some(frame) = poll_fn(|cx| Pin::new(request.body_mut()).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            message.take(&data)?;
            received.push(data);
        }
    }
    message.end()?;
    *request.body_mut() = Body::new(received);
    Ok(())
}

struct OneMessage {
    state: State,
    bytes_max: usize,
}

enum State {
    /// Within the five bytes before the message: a flag and a length.
    Prefix { bytes: [u8; 5], seen: usize },
    /// Within the message.
    Message { left: usize },
    /// Behind it.
    Done,
}

impl OneMessage {
    fn take(&mut self, mut data: &[u8]) -> Result<(), Status> {
        while !data.is_empty() {
            match &mut self.state {
                State::Prefix { bytes, seen } => {
                    let (now, rest) = data.split_at(data.len().min(bytes.len() - *seen));
                    bytes[*seen..*seen + now.len()].copy_from_slice(now);
                    *seen += now.len();
                    data = rest;
                    if *seen == bytes.len() {
                        let length = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
                        let left = usize::try_from(length).unwrap_or(usize::MAX);
                        if left > self.bytes_max {
                            return Err(too_large());
                        }
                        self.state = if left == 0 { State::Done } else { State::Message { left } };
                    }
                }
                State::Message { left } => {
                    let now = data.len().min(*left);
                    *left -= now;
                    data = &data[now..];
                    if *left == 0 {
                        self.state = State::Done;
                    }
                }
                State::Done => return Err(refusal(Code::Unimplemented, "ONE_MESSAGE", "send exactly one message")),
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Status> {
        match self.state {
            State::Prefix { seen: 0, .. } => {
                Err(refusal(Code::Unimplemented, "ONE_MESSAGE", "send exactly one message, there is none"))
            }
            State::Prefix { .. } | State::Message { .. } => {
                Err(refusal(Code::InvalidArgument, "MESSAGE_TRUNCATED", "the message is cut off"))
            }
            State::Done => Ok(()),
        }
    }
}

/// The answer to a message that is too large.
pub(crate) fn too_large() -> Status {
    refusal(Code::ResourceExhausted, "MESSAGE_TOO_LARGE", "the message is too large")
}

/// A message that is here, as it came.
#[derive(Default)]
struct Received {
    /// Nearly always all of it.
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Received {
    fn push(&mut self, data: Bytes) {
        if self.first.is_none() {
            self.first = Some(data);
        } else {
            self.rest.push_back(data);
        }
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.first.take().or_else(|| self.rest.pop_front());
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }
}
