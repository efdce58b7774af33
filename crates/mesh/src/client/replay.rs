//! A request that can be sent again: its head, and its body as long as it is small.

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use kvartal_kernel::Error;
use tonic::Status;
use tonic::body::Body;

use crate::service::Request;
use crate::to_status;

/// Longer messages are sent only once: to keep them would cost more than a retry is worth.
pub(crate) const REPLAY_BYTES_MAX: usize = 64 * 1024;
/// Tells the server which attempt this is, beginning with the second.
static PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// A request to be sent once or more. All RPCs of the platform take one message, so its body can be read before it is sent.
pub(crate) struct Replay {
    /// Without its body.
    head: Box<Request>,
    message: Message,
}

enum Message {
    Kept(Bytes),
    /// Too long to keep; gone when it has been sent.
    Once(Option<Body>),
}

impl Replay {
    /// Reads the message of a request.
    pub(crate) async fn read(mut head: Box<Request>) -> Result<Self, Status> {
        let mut body = std::mem::take(head.body_mut());
        let mut first = Bytes::new();
        let mut rest: Option<BytesMut> = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            // Nearly always one frame is all, and nothing is copied.
            if first.is_empty() {
                first = data;
            } else {
                rest.get_or_insert_with(|| BytesMut::from(&first[..])).extend_from_slice(&data);
            }
            if rest.as_ref().map_or(first.len(), BytesMut::len) > REPLAY_BYTES_MAX {
                let begin = rest.map_or(first, BytesMut::freeze);
                return Ok(Self {
                    head,
                    message: Message::Once(Some(Body::new(Prefixed { begin: Some(begin), body }))),
                });
            }
        }
        Ok(Self { head, message: Message::Kept(rest.map_or(first, BytesMut::freeze)) })
    }

    /// Whether it can be sent again.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.message, Message::Kept(_))
    }

    /// The request, for an attempt after so many others.
    pub(crate) fn request(&mut self, previous: u32) -> Result<Request, Status> {
        let body = match &mut self.message {
            Message::Kept(bytes) => Body::new(Full::new(bytes.clone())),
            Message::Once(body) => {
                body.take().ok_or_else(|| to_status(Error::internal("a request was sent twice that was not kept")))?
            }
        };
        let mut request = Request::new(body);
        request.method_mut().clone_from(self.head.method());
        request.uri_mut().clone_from(self.head.uri());
        *request.version_mut() = self.head.version();
        request.headers_mut().clone_from(self.head.headers());
        request.extensions_mut().clone_from(self.head.extensions());
        if previous > 0 {
            request.headers_mut().insert(&PREVIOUS_ATTEMPTS, HeaderValue::from(previous));
        }
        Ok(request)
    }

    /// Takes back a request that has not been sent.
    pub(crate) fn unsent(&mut self, request: Request) {
        if let Message::Once(body) = &mut self.message {
            *body = Some(request.into_body());
        }
    }
}

/// A body whose beginning has been read already.
struct Prefixed {
    begin: Option<Bytes>,
    body: Body,
}

impl http_body::Body for Prefixed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.begin.take() {
            Some(begin) => std::task::Poll::Ready(Some(Ok(Frame::data(begin)))),
            None => std::pin::Pin::new(&mut self.body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.begin.is_none() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests;
