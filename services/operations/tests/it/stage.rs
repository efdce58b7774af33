//! The service on a real runtime, an identity service that knows one key, and an administrator who asks.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_host::Runtime;
use kvartal_kernel::{Clock as _, SystemClock, Uuid};
use kvartal_mesh::BoxService;
use kvartal_mesh::audit::NoAudit;
use kvartal_mesh::auth::{AUDIENCE, Claims, ISSUER, SigningKey, TokenKind};
use kvartal_mesh::server::{Limits, Stack};
use kvartal_operations::Config;
use kvartal_proto::identity::v1::{GetJwksResponse, Jwk};
use kvartal_proto::operations::v1::operations_service_client::OperationsServiceClient;
use kvartal_store::Store;
use prost::Message;
use tempfile::TempDir;
use tonic::Request;

/// The longest anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The running service.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    key: SigningKey,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let key = SigningKey::from_seed("test", &[7; 32]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = kvartal_host::Config {
            log: "off".to_owned(),
            shutdown_grace: Duration::from_secs(8),
            rate_factor: 1_000,
            ..kvartal_host::Config::embedded(folder.path().join("data"))
        };
        let runtime = Runtime::start(config).await.unwrap();
        register_identity(&runtime, &key);
        let service = kvartal_operations::service(&runtime, &Config::default()).await.unwrap();
        let store = service.store.clone();
        runtime.serve(service).await.unwrap();
        Self { runtime, store, key, _folder: folder }
    }

    pub(crate) fn client(&self) -> OperationsServiceClient<BoxService> {
        OperationsServiceClient::new(self.runtime.directory().local("operations").unwrap())
    }

    /// A request of a person with this role.
    pub(crate) fn request<T>(&self, role: &str, message: T) -> Request<T> {
        let now = SystemClock.now().seconds();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: Uuid::from_u128(1),
            sid: Some(Uuid::from_u128(2)),
            generation: 1,
            kind: TokenKind::User,
            roles: vec![role.to_owned()],
            iat: now,
            nbf: now,
            exp: now + 300,
            jti: Uuid::new_v4(),
        };
        let token = self.key.sign(&claims).unwrap();
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }
}

/// An identity service that answers GetJwks and nothing else, behind its real stack.
fn register_identity(runtime: &Runtime, key: &SigningKey) {
    let public = key.public().clone();
    let jwk = Jwk {
        kid: public.kid,
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(public.x),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    };
    let encoded = GetJwksResponse { keys: vec![jwk] }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&encoded);
    let jwks = move || {
        let full = http_body_util::Full::new(Bytes::from(frame.clone()));
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        let body = http_body_util::BodyExt::with_trailers(full, std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        std::future::ready(response)
    };
    let stack = Stack {
        contract: kvartal_proto::contract(),
        service: "identity",
        verifier: runtime.verifier(),
        mesh_key: None,
        limiter: runtime.limiter(),
        audit: std::sync::Arc::new(NoAudit),
        clock: runtime.clock(),
        stop: runtime.stop(),
        calls: runtime.calls().clone(),
        limits: Limits::default(),
    };
    let routes = Router::new().route("/kvartal.identity.v1.IdentityService/GetJwks", post(jwks));
    runtime.directory().register("identity", stack.wrap(routes.into()));
}
