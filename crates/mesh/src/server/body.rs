//! The response body under the stack's eyes: deadline, shutdown, revocation, panics, and the end of the observation.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use kvartal_kernel::Error;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::body::Body;
use tonic::{Code, Status};

use super::Stack;
use super::call::{Held, panicked, presentable};
use crate::auth::Identity;
use crate::metrics::Observation;
use crate::status::{to_status, too_late};

/// How often an open stream asks whether its session still is.
const RECHECK: Duration = Duration::from_millis(500);

/// The body of an answer that began well.
pub(crate) struct AnswerBody {
    inner: Body,
    observation: Observation,
    deadline: Deadline,
    /// Set for streams and for whoever has to wait.
    sleep: Option<Pin<Box<Sleep>>>,
    stream: Option<Box<StreamWatch>>,
    held: Option<Held>,
    ended: bool,
}

/// When the answer must have ended, and why.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// Whether the client asked for it; else it is the contract's.
    pub(crate) asked: bool,
}

impl Deadline {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.at
    }
}

/// What ends a stream from outside.
pub(crate) struct StreamWatch {
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    recheck: Interval,
    identity: Identity,
    verifier: Arc<dyn crate::auth::Verifier>,
}

impl StreamWatch {
    pub(crate) fn new(stack: &Stack, identity: Identity) -> Self {
        let mut recheck = interval_at(Instant::now() + RECHECK, RECHECK);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = Box::pin(stack.stop.clone().cancelled_owned());
        Self { stop, recheck, identity, verifier: Arc::clone(&stack.verifier) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if self.stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(stream_ended());
        }
        while self.recheck.poll_tick(cx).is_ready() {
            if let Err(error) = self.verifier.recheck(&self.identity) {
                return Poll::Ready(to_status(error));
            }
        }
        Poll::Pending
    }
}

/// The end of a stream that the client should open again.
pub(crate) fn stream_ended() -> Status {
    to_status(Error::unavailable("STREAM_ENDED", "the stream has ended; open it again"))
}

impl AnswerBody {
    pub(crate) fn new(
        inner: Body,
        observation: Observation,
        deadline: Deadline,
        stream: Option<StreamWatch>,
        held: Held,
    ) -> Self {
        let stream = stream.map(Box::new);
        Self { inner, observation, deadline, sleep: None, stream, held: Some(held), ended: false }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(self.deadline.at)));
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let by_contract = self.stream.is_some() && !self.deadline.asked;
        Poll::Ready(if by_contract { stream_ended() } else { too_late() })
    }

    /// What ends a stream comes before what it still has to say, or a busy stream would never end.
    fn poll_outside(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        match &mut self.stream {
            None => Poll::Pending,
            Some(stream) => match stream.poll(cx) {
                Poll::Ready(status) => Poll::Ready(status),
                Poll::Pending => self.poll_deadline(cx),
            },
        }
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { inner, observation, .. } = self;
        let _entered = observation.span().enter();
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx)));
        polled.unwrap_or_else(|panic| Poll::Ready(Some(Err(panicked(panic.as_ref())))))
    }

    /// Ends the answer with a status in its trailers and lets everything go.
    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            trailers.insert(Status::GRPC_STATUS, (status.code() as i32).into());
        }
        self.close(status.code());
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn close(&mut self, code: Code) {
        self.ended = true;
        self.observation.end(code);
        self.inner = Body::empty();
        self.stream = None;
        self.sleep = None;
        self.held = None;
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(status) = this.poll_outside(cx) {
            return this.end(&status);
        }
        match this.poll_inner(cx) {
            Poll::Pending if this.stream.is_some() => Poll::Pending,
            Poll::Pending => match this.poll_deadline(cx) {
                Poll::Ready(status) => this.end(&status),
                Poll::Pending => Poll::Pending,
            },
            Poll::Ready(Some(Ok(frame))) => {
                let Some(trailers) = frame.trailers_ref() else { return Poll::Ready(Some(Ok(frame))) };
                let code = trailers.get(Status::GRPC_STATUS).map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
                let failed = if code == Code::Ok { None } else { Status::from_header_map(trailers) };
                if let Some(status) = failed {
                    return this.end(&presentable(status));
                }
                this.close(code);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(status))) => this.end(&presentable(status)),
            Poll::Ready(None) => {
                this.close(Code::Ok);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { SizeHint::new() }
    }
}
