//! Other services, as far as a test needs them.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_host::Runtime;
use kvartal_mesh::audit::NoAudit;
use kvartal_mesh::auth::Verifier;
use kvartal_mesh::server::{Limits, Stack};
use kvartal_proto::identity::v1::{GetJwksResponse, Jwk};
use prost::Message;
use tonic::Code;
use tonic::service::Routes;

use crate::People;

/// The real server stack of a service of this runtime.
pub fn stack(runtime: &Runtime, service: &'static str, verifier: Arc<dyn Verifier>) -> Stack {
    Stack {
        contract: kvartal_proto::contract(),
        service,
        verifier,
        mesh_key: None,
        limiter: runtime.limiter(),
        audit: Arc::new(NoAudit),
        clock: runtime.clock(),
        stop: runtime.stop(),
        calls: runtime.calls().clone(),
        limits: Limits::default(),
    }
}

/// Makes a stand-in known to the services of this runtime; they talk to it behind the real server stack.
pub fn stand_in(runtime: &Runtime, service: &'static str, routes: impl Into<Routes>) {
    let stack = stack(runtime, service, runtime.verifier());
    runtime.directory().register(service, stack.wrap(routes.into()));
}

/// An identity service that tells the key of these people, and nothing else.
pub fn identity(people: &People) -> Router {
    let public = people.public_key();
    let jwk = Jwk {
        kid: public.kid,
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(public.x),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    };
    let keys = GetJwksResponse { keys: vec![jwk] };
    Router::new().route("/kvartal.identity.v1.IdentityService/GetJwks", post(async move || answer(&keys)))
}

/// A message as the answer to a unary gRPC call.
pub fn answer(message: &impl Message) -> Response {
    let encoded = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&encoded);
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let full = http_body_util::Full::new(Bytes::from(frame));
    let body = http_body_util::BodyExt::with_trailers(full, std::future::ready(Some(Ok(trailers))));
    grpc(Body::new(body))
}

/// A refusal as the answer to a gRPC call.
pub fn refusal(code: Code) -> Response {
    let mut response = grpc(Body::empty());
    response.headers_mut().insert("grpc-status", HeaderValue::from(code as i32));
    response
}

fn grpc(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
