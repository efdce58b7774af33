//! Trailers of answers that succeed: tonic's handlers cannot name any.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

/// What a handler puts into the extensions of its answer.
#[derive(Clone)]
pub(super) struct Trailers(pub(super) HeaderMap);

/// A generated server whose answers end with the [`Trailers`] of their handlers.
#[derive(Clone)]
pub(super) struct WithTrailers<S>(pub(super) S);

impl<S: NamedService> NamedService for WithTrailers<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for WithTrailers<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(answer.map(|answer| answer.map(ending)))
    }
}

fn ending(mut answer: http::Response<Body>) -> http::Response<Body> {
    let Some(Trailers(more)) = answer.extensions_mut().remove::<Trailers>() else { return answer };
    answer.map(|body| {
        Body::new(body.map_frame(move |mut frame| {
            if let Some(trailers) = frame.trailers_mut()
                && trailers.get("grpc-status").is_some_and(|status| status == "0")
            {
                trailers.extend(more.clone());
            }
            frame
        }))
    })
}
