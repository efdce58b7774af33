//! An identity service that knows one key and the contacts a test gives it, behind the real server stack.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_host::Runtime;
use kvartal_kernel::{Clock as _, SystemClock, Uuid};
use kvartal_mesh::audit::NoAudit;
use kvartal_mesh::auth::{AUDIENCE, Claims, ISSUER, SigningKey, TokenKind};
use kvartal_mesh::server::{Limits, Stack};
use kvartal_proto::identity::v1::{GetContactRequest, GetContactResponse, GetJwksResponse, Jwk};
use prost::Message;

/// What the test says about people.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Inner>);

struct Inner {
    key: SigningKey,
    contacts: Mutex<HashMap<String, GetContactResponse>>,
    down: AtomicBool,
    asked: AtomicUsize,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            key: SigningKey::from_seed("test", &[7; 32]).unwrap(),
            contacts: Mutex::default(),
            down: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        }))
    }

    /// Makes the service known in this runtime.
    pub(crate) fn register(&self, runtime: &Runtime) {
        let (keys, contacts) = (self.clone(), self.clone());
        let routes = Router::new()
            .route("/kvartal.identity.v1.IdentityService/GetJwks", post(move || async move { keys.jwks() }))
            .route(
                "/kvartal.identity.v1.IdentityService/GetContact",
                post(move |body: Bytes| async move { contacts.contact(&body) }),
            );
        let stack = Stack {
            contract: kvartal_proto::contract(),
            service: "identity",
            verifier: runtime.verifier(),
            mesh_key: None,
            limiter: runtime.limiter(),
            audit: Arc::new(NoAudit),
            clock: runtime.clock(),
            stop: runtime.stop(),
            calls: runtime.calls().clone(),
            limits: Limits::default(),
        };
        runtime.directory().register("identity", stack.wrap(routes.into()));
    }

    /// From now on this person can be reached; an empty address is one that is not confirmed.
    pub(crate) fn knows(&self, user: Uuid, email: &str, name: &str, locale: &str) {
        let contact = GetContactResponse {
            email: email.to_owned(),
            display_name: name.to_owned(),
            locale: locale.to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
        };
        self.0.contacts.lock().unwrap().insert(user.to_string(), contact);
    }

    /// Whether contacts cannot be had from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// How often contacts were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// A good access token of a person with these roles.
    pub(crate) fn token(&self, user: Uuid, roles: &[&str]) -> String {
        let now = SystemClock.now().seconds();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: Some(user),
            generation: 1,
            kind: TokenKind::User,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            iat: now,
            nbf: now,
            exp: now + 300,
            jti: Uuid::from_u128(u128::from(now.unsigned_abs())),
        };
        self.0.key.sign(&claims).unwrap()
    }

    fn jwks(&self) -> Response {
        let public = self.0.key.public();
        let jwk = Jwk {
            kid: public.kid.clone(),
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(public.x),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
        };
        answer(&GetJwksResponse { keys: vec![jwk] })
    }

    fn contact(&self, body: &Bytes) -> Response {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        if self.0.down.load(Ordering::SeqCst) {
            return refusal("14");
        }
        let request = GetContactRequest::decode(&body[5..]).unwrap();
        match self.0.contacts.lock().unwrap().get(&request.user_id) {
            Some(contact) => answer(contact),
            None => refusal("5"),
        }
    }
}

pub(crate) fn answer(message: &impl Message) -> Response {
    let encoded = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&encoded);
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let full = http_body_util::Full::new(Bytes::from(frame));
    let body = http_body_util::BodyExt::with_trailers(full, std::future::ready(Some(Ok(trailers))));
    grpc(Body::new(body))
}

fn refusal(code: &'static str) -> Response {
    let mut response = grpc(Body::empty());
    response.headers_mut().insert("grpc-status", HeaderValue::from_static(code));
    response
}

fn grpc(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
