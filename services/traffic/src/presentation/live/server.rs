//! The server of `kvartal.traffic.v1.LiveService`, with messages whose large part is encoded once for all streams that
//! share it. The generated server encodes each message for each stream anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use kvartal_mesh::stream::Reply;
use kvartal_mesh::{caller, to_status};
use kvartal_proto::codec::CheckedCodec;
use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::live_service_server::SERVICE_NAME;
use prost::Message as _;
use prost::bytes::BufMut as _;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic::codegen::{Body, Service, StdError, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};

use super::LiveGrpc;

/// A `WatchTrafficResponse` in two parts: a message is the sum of its parts, one after the other.
pub(crate) struct Parted {
    /// What this stream alone is told.
    pub(super) own: pb::WatchTrafficResponse,
    /// What others are told as well, encoded.
    pub(super) shared: Arc<[u8]>,
}

/// Answers the RPC.
#[derive(Clone)]
pub(crate) struct LiveServer(Arc<LiveGrpc>);

impl LiveServer {
    pub(crate) fn new(grpc: LiveGrpc) -> Self {
        Self(Arc::new(grpc))
    }
}

impl NamedService for LiveServer {
    const NAME: &'static str = SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for LiveServer
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let watch = self.clone();
        Box::pin(async move {
            if !request.uri().path().ends_with("/WatchTraffic") {
                return Ok(Status::unimplemented("there is no such method").into_http());
            }
            Ok(Grpc::new(PartedCodec).server_streaming(watch, request).await)
        })
    }
}

impl ServerStreamingService<pb::WatchTrafficRequest> for LiveServer {
    type Response = Parted;
    type ResponseStream = Reply<Parted>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<pb::WatchTrafficRequest>) -> Self::Future {
        let grpc = self.0.clone();
        Box::pin(async move {
            let caller = caller(&request);
            grpc.watch(&caller, request.into_inner()).map(Response::new).map_err(to_status)
        })
    }
}

/// Decodes as every server does.
struct PartedCodec;

type Whole = CheckedCodec<pb::WatchTrafficResponse, pb::WatchTrafficRequest>;

impl Codec for PartedCodec {
    type Encode = Parted;
    type Decode = pb::WatchTrafficRequest;
    type Encoder = PartedEncoder;
    type Decoder = <Whole as Codec>::Decoder;

    fn encoder(&mut self) -> PartedEncoder {
        PartedEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        Whole::default().decoder()
    }
}

struct PartedEncoder;

impl Encoder for PartedEncoder {
    type Item = Parted;
    type Error = Status;

    fn encode(&mut self, item: Parted, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item.shared);
        item.own.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}
