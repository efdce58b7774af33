//! Answers: what their status says about the endpoint, to the end of the body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use hyper::body::Incoming;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::connect;
use super::gate::Verdict;
use super::lease::Lease;
use crate::code_name;

/// The reason with which our servers shed load; see the server stack.
const OVERLOADED: &str = "OVERLOADED";

/// What a status says about the endpoint that gave it.
pub(super) fn verdict(code: Code, trailers: &HeaderMap) -> Verdict {
    match code {
        Code::Unavailable if reason(trailers).as_deref() == Some(OVERLOADED) => Verdict::Overloaded,
        Code::Unavailable => Verdict::Broken,
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unimplemented => Verdict::Faulty,
        // The time was the caller's, and so is a spent rate: if that counted, whoever guesses passwords could have the service
        // throttled for all. An endpoint that is silent is found out otherwise.
        Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => Verdict::Nothing,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unauthenticated => Verdict::Good,
    }
}

fn reason(trailers: &HeaderMap) -> Option<String> {
    Some(Status::from_header_map(trailers)?.get_error_details().error_info()?.reason.clone())
}

/// The code in headers or trailers; `None` when there is none, which in headers means that the answer has only begun.
pub(super) fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}

/// The code of an answer that is no gRPC answer, as from a proxy in between.
pub(super) fn foreign(status: StatusCode) -> Option<Code> {
    match status {
        StatusCode::OK => None,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Some(Code::Unavailable),
        _ => Some(Code::Unknown),
    }
}

/// The body of an answer: its end is the attempt's.
pub(super) struct AttemptBody {
    inner: Incoming,
    /// A frame that has been read already.
    first: Option<Frame<Bytes>>,
    /// `None` when the attempt has ended.
    lease: Option<Lease>,
    /// Whether the answer is a stream: then its first message shows that the endpoint works.
    stream: bool,
}

impl AttemptBody {
    pub(super) fn new(inner: Incoming, first: Option<Frame<Bytes>>, lease: Lease, stream: bool) -> Self {
        Self { inner, first, lease: Some(lease), stream }
    }

    fn end(&mut self, verdict: Verdict, error: Option<&str>) {
        if let Some(mut lease) = self.lease.take() {
            lease.judge(verdict, error);
        }
    }

    fn see(&mut self, frame: &Frame<Bytes>) {
        if let Some(trailers) = frame.trailers_ref() {
            let code = code(trailers).unwrap_or(Code::Unknown);
            self.end(verdict(code, trailers), Some(code_name(code)));
        } else if self.stream
            && let Some(lease) = &mut self.lease
        {
            // Only judged: the stream remains open and is counted.
            lease.judge(Verdict::Good, None);
        }
    }
}

impl http_body::Body for AttemptBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = match this.first.take() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut this.inner).poll_frame(cx),
        };
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                this.see(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let error = connect::chain(&error);
                this.end(Verdict::Broken, Some(&error));
                Poll::Ready(Some(Err(super::call::broken(&error))))
            }
            Poll::Ready(None) => {
                this.end(Verdict::Faulty, Some("the answer has no status"));
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.lease.is_none()
    }
}
