//! Three small services behind the stack, and people to call them.

mod services;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use kvartal_kernel::{Clock as _, Error, Role, SystemClock, Timestamp, Uuid};
use kvartal_mesh::audit::{AuditSink, CallRecord};
use kvartal_mesh::auth::{
    AUDIENCE, Claims, ISSUER, JwtVerifier, KeySource, LocalRevocations, MeshKey, PublicKey, SigningKey, TokenKind,
};
use kvartal_mesh::rate::{LocalLimiter, RateNumbers};
use kvartal_mesh::server::{Limits, Stack};
use kvartal_mesh::stream::Feed;
use kvartal_mesh::{BoxService, Peer};
use kvartal_proto::audit::v1 as audit;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::audit::v1::audit_service_server::AuditServiceServer;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::notification::v1 as notification;
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Request;
use tonic::body::Body;
use tonic::service::Routes;

pub(crate) use services::Work;
use services::{Audit, Identity, Notifications};

pub(crate) const SESSION: Uuid = Uuid::from_u128(2);
pub(crate) const MESH_SECRET: [u8; 32] = [7; 32];

/// Everything of one test.
pub(crate) struct World {
    pub(crate) stop: CancellationToken,
    pub(crate) calls: TaskTracker,
    pub(crate) revocations: Arc<LocalRevocations>,
    pub(crate) records: Arc<Records>,
    pub(crate) feed: Feed<u32>,
    /// Lets the waiting call of `VerifyChain` go on.
    pub(crate) gate: Arc<Notify>,
    pub(crate) audit: BoxService,
    pub(crate) notification: BoxService,
    pub(crate) identity: BoxService,
    pub(crate) work: Arc<Work>,
    key: SigningKey,
}

impl World {
    /// Rates are high enough not to be met.
    pub(crate) fn new() -> Self {
        Self::with(|stack| stack)
    }

    pub(crate) fn with(adjust: impl Fn(Stack) -> Stack) -> Self {
        let clock = Arc::new(SystemClock);
        let key = SigningKey::from_seed("k1", &[1; 32]).unwrap();
        let revocations = Arc::new(LocalRevocations::new(clock.clone()));
        let records = Arc::new(Records::default());
        let (stop, calls) = (CancellationToken::new(), TaskTracker::new());
        let verifier = JwtVerifier::new(Arc::new(Keys(key.public().clone())), revocations.clone(), clock.clone());
        let stack = Stack {
            contract: kvartal_proto::contract(),
            service: "audit",
            verifier: Arc::new(verifier),
            mesh_key: Some(MeshKey::new(&MESH_SECRET)),
            limiter: Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default().times(1_000_000))),
            audit: records.clone(),
            clock,
            stop: stop.clone(),
            calls: calls.clone(),
            limits: Limits::default(),
        };
        let (feed, gate) = (Feed::new(100), Arc::new(Notify::new()));
        let work = Arc::new(Work::default());
        let wrap = |service, routes| adjust(Stack { service, ..stack.clone() }).wrap(routes);
        let audit = AuditServiceServer::new(Audit { gate: gate.clone() });
        Self {
            audit: wrap("audit", Routes::new(audit)),
            notification: wrap("notification", Routes::new(Notifications { feed: feed.clone() })),
            identity: wrap("identity", Routes::new(Identity { work: work.clone() })),
            work,
            stop,
            calls,
            revocations,
            records,
            feed,
            gate,
            key,
        }
    }

    /// An access token of a person with these roles.
    pub(crate) fn token(&self, roles: &[Role]) -> String {
        let now = SystemClock.now().seconds();
        let roles = roles.iter().map(|role| role.name().to_owned()).collect();
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: Uuid::from_u128(1),
            sid: Some(SESSION),
            generation: 0,
            kind: TokenKind::User,
            roles,
            iat: now,
            nbf: now,
            exp: now + 600,
            jti: Uuid::from_u128(3),
        };
        self.key.sign(&claims).unwrap()
    }

    /// A request of a person with these roles; without roles one of nobody.
    pub(crate) fn request<T>(&self, roles: &[Role], message: T) -> Request<T> {
        let mut request = Request::new(message);
        if !roles.is_empty() {
            let value = format!("Bearer {}", self.token(roles)).parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let peer = Peer { address: "192.0.2.7".into(), user_agent: "a browser".into() };
        request.extensions_mut().insert(peer);
        request
    }

    pub(crate) fn list(&self, what: &str) -> Request<audit::ListRecordsRequest> {
        let message = audit::ListRecordsRequest { subject: what.into(), ..audit::ListRecordsRequest::default() };
        self.request(&[Role::Admin], message)
    }

    pub(crate) fn verify_chain(&self, what: u64) -> Request<audit::VerifyChainRequest> {
        self.request(&[Role::Admin], audit::VerifyChainRequest { from_sequence: what })
    }

    pub(crate) fn watch(&self, what: &str) -> Request<notification::WatchNotificationsRequest> {
        let message = notification::WatchNotificationsRequest { resume_token: what.into() };
        self.request(&[Role::Citizen], message)
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<BoxService> {
        AuditServiceClient::new(self.audit.clone())
    }

    pub(crate) fn notification(&self) -> NotificationServiceClient<BoxService> {
        NotificationServiceClient::new(self.notification.clone())
    }

    pub(crate) fn identity(&self) -> IdentityServiceClient<BoxService> {
        IdentityServiceClient::new(self.identity.clone())
    }
}

struct Keys(PublicKey);

#[async_trait]
impl KeySource for Keys {
    async fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(vec![self.0.clone()])
    }
}

/// Audited calls, as they were recorded.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) kept: Mutex<Vec<CallRecord>>,
    pub(crate) refuses: Mutex<bool>,
    pub(crate) changed: Notify,
}

impl Records {
    pub(crate) fn outcomes(&self) -> Vec<String> {
        self.kept.lock().unwrap().iter().map(|record| record.outcome.clone()).collect()
    }
}

#[async_trait]
impl AuditSink for Records {
    async fn record(&self, call: CallRecord) -> Result<(), Error> {
        if *self.refuses.lock().unwrap() {
            return Err(Error::unavailable("FULL", "the disk is full"));
        }
        self.kept.lock().unwrap().push(call);
        self.changed.notify_one();
        Ok(())
    }
}

/// What came back, to the last byte.
pub(crate) struct Answer {
    pub(crate) http: u16,
    pub(crate) code: Option<i32>,
    pub(crate) data: bytes::Bytes,
}

/// Reads an answer to its end.
pub(crate) async fn read(response: http::Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let get =
        |name: &str| trailers.get(name).or_else(|| parts.headers.get(name)).map(|v| v.to_str().unwrap().to_owned());
    Answer {
        http: parts.status.as_u16(),
        code: get("grpc-status").map(|code| code.parse().unwrap()),
        data: collected.to_bytes(),
    }
}

/// A message as it goes over the wire.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// The latest moment there is.
pub(crate) const FOREVER: Timestamp = Timestamp::MAX;
