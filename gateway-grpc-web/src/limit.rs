//! A body with an end: more bytes than allowed are an error, whatever the headers said.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::{Body, Frame, SizeHint};
use kvartal_mesh::Request;
use tonic::Status;

use crate::BODY_BYTES_MAX;

/// gRPC-Web's text mode is base64, a third longer than what it carries.
const TEXT_BYTES_MAX: usize = BODY_BYTES_MAX / 3 * 4 + 4;

/// How long a refused client may go on sending.
const LINGER: Duration = Duration::from_secs(5);

/// Whether the headers announce more than is allowed.
pub(crate) fn announces_too_much(headers: &HeaderMap, text_mode: bool) -> bool {
    let limit = if text_mode { TEXT_BYTES_MAX } else { BODY_BYTES_MAX };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    announced.is_some_and(|length| length > limit as u64)
}

/// Takes in what a refused client is still sending, so that it comes to reading the refusal: whoever is cut off while
/// writing mostly sees a broken connection instead. Bounded in bytes and time; a client that asked first whether to send
/// (`expect: 100-continue`) has not begun.
pub(crate) async fn let_finish(request: Request) {
    if request.headers().contains_key(EXPECT) {
        return;
    }
    drain(request.into_body()).await;
}

async fn drain(mut body: tonic::body::Body) {
    let mut left = 4 * BODY_BYTES_MAX;
    let drain = async {
        while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let read = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Late or not, the answer is the same.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// What is left of a body whose reader may refuse it before its end.
pub(crate) struct Rest {
    body: Arc<Mutex<Option<tonic::body::Body>>>,
    expects: bool,
}

/// The request with its body, of which [`Rest::let_finish`] takes in what nobody has read.
pub(crate) fn lend(request: Request) -> (Request, Rest) {
    let expects = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(Some(body)));
    let lent = tonic::body::Body::new(Lent(Arc::clone(&body)));
    (Request::from_parts(parts, lent), Rest { body, expects })
}

impl Rest {
    /// As [`let_finish`].
    pub(crate) async fn let_finish(self) {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = body.filter(|body| !self.expects && !body.is_end_stream()) {
            drain(body).await;
        }
    }
}

struct Lent(Arc<Mutex<Option<tonic::body::Body>>>);

impl Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }
}

/// What callers are told.
pub(crate) fn too_large() -> Status {
    let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
    crate::backend::status(tonic::Code::ResourceExhausted, "BODY_TOO_LARGE", &message)
}

/// A request body that ends at the limit.
pub(crate) struct Limited {
    inner: tonic::body::Body,
    left: usize,
}

impl Limited {
    /// Lets [`BODY_BYTES_MAX`] bytes pass.
    pub(crate) fn new(inner: tonic::body::Body) -> Self {
        Self { inner, left: BODY_BYTES_MAX }
    }
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            match self.left.checked_sub(data.len()) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(too_large()))),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
