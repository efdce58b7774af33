//! A service that does nothing, raw and behind the stack, with and without TLS.

use std::convert::Infallible;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use kvartal_kernel::SystemClock;
use kvartal_mesh::BoxService;
use kvartal_mesh::auth::MeshKey;
use kvartal_mesh::rate::{LocalLimiter, Rate, RateNumbers};
use kvartal_mesh::server::{Limits, Listen, Stack, Tls};
use kvartal_mesh::tls::{Identities, Identity};
use kvartal_proto::codec::CheckedCodec;
use kvartal_proto::identity::v1::{GetContactRequest, GetContactResponse};
use kvartal_proto::identity::v1::{GetJwksRequest, GetJwksResponse, GetProfileRequest, GetProfileResponse};
use prost::Message;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::noop;

/// Size of the answer.
const BYTES: usize = 1_024;

/// Proves callers in the same process and where TLS is left out.
pub(super) fn mesh_key() -> MeshKey {
    MeshKey::new(&[42; 32])
}

/// Answers three methods of the identity service: one for services, with 1 KiB, one for people, one for everybody.
#[derive(Clone)]
struct Nothing {
    name: Arc<str>,
}

impl NamedService for Nothing {
    const NAME: &'static str = "kvartal.identity.v1.IdentityService";
}

impl tower::Service<http::Request<Body>> for Nothing {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let name = self.name.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default();
            Ok(match method {
                "GetContact" => {
                    let contact =
                        GetContactResponse { display_name: name.as_ref().to_owned(), ..GetContactResponse::default() };
                    answer::<GetContactRequest, _>(request, contact).await
                }
                "GetProfile" => answer::<GetProfileRequest, _>(request, GetProfileResponse::default()).await,
                _ => answer::<GetJwksRequest, _>(request, GetJwksResponse::default()).await,
            })
        })
    }
}

async fn answer<Q, A>(request: http::Request<Body>, with: A) -> http::Response<Body>
where
    Q: Message + Default + Send + 'static,
    A: Message + Default + Clone + Send + Sync + 'static,
    CheckedCodec<A, Q>: tonic::codec::Codec<Encode = A, Decode = Q> + Default,
{
    let handler = tower::service_fn(move |_: Request<Q>| {
        let with = with.clone();
        async move { Ok::<_, Status>(Response::new(with)) }
    });
    Grpc::new(CheckedCodec::<A, Q>::default()).unary(handler, request).await
}

/// The routes of the service.
pub(super) fn routes() -> Routes {
    Routes::new(Nothing { name: "x".repeat(BYTES).into() }).prepare()
}

/// The same behind the stack.
pub(super) fn stack(limits: Limits) -> BoxService {
    wrap(Stack { limits, ..noop::stack() })
}

/// The same where one call an hour is allowed.
pub(super) fn strict_stack() -> BoxService {
    let rate = Rate { interval: Duration::from_secs(3_600), burst: 1 };
    let numbers = RateNumbers { sensitive: rate, read: rate, write: rate, expensive: rate, stream: rate };
    wrap(Stack { limiter: Arc::new(LocalLimiter::new(Arc::new(SystemClock), numbers)), ..noop::stack() })
}

fn wrap(stack: Stack) -> BoxService {
    Stack { service: "identity", mesh_key: Some(mesh_key()), ..stack }.wrap(routes())
}

pub(super) async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Plain tonic with its defaults; `identity` is the folder of a certificate.
pub(super) async fn serve_raw(listener: TcpListener, identity: Option<&Path>) {
    let mut server = tonic::transport::Server::builder();
    let server = server.add_routes(routes());
    let tcp = TcpListenerStream::new(listener).map(|tcp| tcp.and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp)));
    let Some(folder) = identity else { return server.serve_with_incoming(tcp).await.unwrap() };
    let identity = Identity::load(folder, Arc::new(SystemClock)).unwrap();
    let acceptor = TlsAcceptor::from(identity.server_config().unwrap());
    let incoming = tcp.then(move |tcp| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(tcp?).await }
    });
    server.serve_with_incoming(incoming).await.unwrap();
}

/// The whole stack.
pub(super) async fn serve_full(listener: TcpListener, identity: Option<&Path>) {
    let tls = identity.map(|folder| Tls::new(Identities::one(Identity::load(folder, Arc::new(SystemClock)).unwrap())));
    let how = Listen { tls, ..Listen::default() };
    kvartal_mesh::server::serve(listener, stack(Limits::default()), how, CancellationToken::new()).await.unwrap();
}

/// Ends this process as soon as nobody holds the other end of its standard input: it does not outlive the benchmark.
pub(super) fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
