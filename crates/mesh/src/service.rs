//! The one service type of the mesh: boxed once at the edge of a stack, cheap to clone.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A gRPC request before it is decoded.
pub type Request = http::Request<tonic::body::Body>;

/// A gRPC response, encoded.
pub type Response = http::Response<tonic::body::Body>;

/// A boxed future.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a stack is behind its box.
pub(crate) trait Handle: Send + Sync {
    /// Answers one call.
    fn handle(self: Arc<Self>, request: Request) -> BoxFuture<Response>;
}

/// A complete stack: always ready (it sheds load by answering), never fails (errors are gRPC statuses), and a clone costs
/// one reference count. Usable wherever a tower service is: axum, hyper, a [`Channel`](crate::Channel).
#[derive(Clone)]
pub struct BoxService(Arc<dyn Handle>);

impl BoxService {
    pub(crate) fn new(handle: Arc<dyn Handle>) -> Self {
        Self(handle)
    }

    /// Answers one call.
    pub fn handle(&self, request: Request) -> BoxFuture<Response> {
        Arc::clone(&self.0).handle(request)
    }
}

impl fmt::Debug for BoxService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxService")
    }
}

impl<B> tower::Service<http::Request<B>> for BoxService
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answer {
        Answer(self.handle(request.map(tonic::body::Body::new)))
    }
}

/// The answer of a [`BoxService`] in the making.
pub struct Answer(BoxFuture<Response>);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl Future for Answer {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context).map(Ok)
    }
}
