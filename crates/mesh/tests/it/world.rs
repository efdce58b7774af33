//! Three small services behind the stack, and people to call them.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream;
use http_body_util::BodyExt as _;
use kvartal_kernel::{Actor, Clock as _, Error, Role, SystemClock, Timestamp, Uuid};
use kvartal_mesh::audit::{AuditSink, CallRecord};
use kvartal_mesh::auth::{
    AUDIENCE, Claims, ISSUER, JwtVerifier, KeySource, LocalRevocations, MeshKey, PublicKey, SigningKey, TokenKind,
};
use kvartal_mesh::rate::{LocalLimiter, RateNumbers};
use kvartal_mesh::server::{Limits, Stack};
use kvartal_mesh::stream::{Feed, Item, Reply, reply};
use kvartal_mesh::{BoxService, Peer, caller, criticality, deadline, to_status};
use kvartal_proto::audit::v1 as audit;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use kvartal_proto::codec::CheckedCodec;
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::notification::v1 as notification;
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tower::service_fn;

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

/// Does what the request's subject says, and tells who called in `next_page_token`.
struct Audit {
    gate: Arc<Notify>,
}

#[async_trait]
impl AuditService for Audit {
    async fn list_records(
        &self,
        request: Request<audit::ListRecordsRequest>,
    ) -> Result<Response<audit::ListRecordsResponse>, Status> {
        let who = caller(&request);
        let secret = request.metadata().contains_key("authorization");
        let mut records = Vec::new();
        match request.get_ref().subject.as_str() {
            "slow" => tokio::time::sleep(Duration::from_secs(3_600)).await,
            "panic" => panic!("the secret of the panic"),
            "raw internal" => return Err(Status::internal("no such column: secret")),
            "raw unknown" => return Err(Status::unknown("secret")),
            "internal" => return Err(to_status(Error::internal("secret"))),
            "beyond" => return Err(Status::out_of_range("there are three pages")),
            "missing" => return Err(to_status(Error::not_found("RECORD_NOT_FOUND", "record"))),
            "large" => records = vec![audit::Record { subject: "x".repeat(1_000_000), ..audit::Record::default() }],
            "criticality" => {
                let next_page_token = criticality::current().name().to_owned();
                return Ok(Response::new(audit::ListRecordsResponse { records, next_page_token }));
            }
            "remaining" => {
                let remaining = deadline::remaining().unwrap().as_millis().to_string();
                return Ok(Response::new(audit::ListRecordsResponse { records, next_page_token: remaining }));
            }
            _ => {}
        }
        let next_page_token = format!("{who:?} secret={secret}");
        Ok(Response::new(audit::ListRecordsResponse { records, next_page_token }))
    }

    async fn verify_chain(
        &self,
        request: Request<audit::VerifyChainRequest>,
    ) -> Result<Response<audit::VerifyChainResponse>, Status> {
        match request.get_ref().from_sequence {
            1 => return Err(to_status(Error::conflict())),
            2 => panic!("the secret of the panic"),
            3 => self.gate.notified().await,
            4 => tokio::time::sleep(Duration::from_secs(3_600)).await,
            _ => {}
        }
        Ok(Response::new(audit::VerifyChainResponse { intact: true, ..audit::VerifyChainResponse::default() }))
    }
}

/// Answers `WatchNotifications`: what the resume token says.
#[derive(Clone)]
struct Notifications {
    feed: Feed<u32>,
}

impl NamedService for Notifications {
    const NAME: &'static str = "kvartal.notification.v1.NotificationService";
}

impl Notifications {
    fn watch(&self, what: &str) -> Result<Reply<notification::WatchNotificationsResponse>, Status> {
        let message = |n| notification::WatchNotificationsResponse {
            unread_count: n,
            ..notification::WatchNotificationsResponse::default()
        };
        Ok(match what {
            "silent" => Box::pin(stream::pending()),
            "busy" => Box::pin(stream::repeat_with(move || Ok(message(1)))),
            "panic" => Box::pin(stream::once(async { panic!("the secret of the panic") })),
            "error" => Box::pin(stream::iter([Ok(message(1)), Err(Status::internal("secret"))])),
            "short" => Box::pin(stream::iter([Ok(message(1)), Ok(message(2))])),
            token => {
                let subscription = self.feed.subscribe(token, |_| true).map_err(to_status)?;
                reply(subscription, move |item| match item {
                    Item::Event { value, token } => {
                        notification::WatchNotificationsResponse { resume_token: token, ..message(value) }
                    }
                    Item::Heartbeat { token } => {
                        notification::WatchNotificationsResponse { resume_token: token, ..message(0) }
                    }
                })
            }
        })
    }
}

impl tower::Service<http::Request<Body>> for Notifications {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let handler = service_fn(move |request: Request<notification::WatchNotificationsRequest>| {
                let stream = this.watch(&request.get_ref().resume_token);
                async move { stream.map(Response::new) }
            });
            Ok(Grpc::new(CheckedCodec::default()).server_streaming(handler, request).await)
        })
    }
}

/// Work of a known cost: so many calls at a time, so long each.
pub(crate) struct Work {
    places: Semaphore,
    pub(crate) begun: AtomicUsize,
}

impl Work {
    /// Whoever asks for the contact of this user has to wait for a place and then for [`Work::TAKES`].
    pub(crate) const USER: &str = "018f0000-0000-7000-8000-00000000000a";
    pub(crate) const PLACES: usize = 10;
    pub(crate) const TAKES: Duration = Duration::from_millis(40);

    async fn done(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let _place = self.places.acquire().await.unwrap();
        tokio::time::sleep(Self::TAKES).await;
    }
}

impl Default for Work {
    fn default() -> Self {
        Self { places: Semaphore::new(Self::PLACES), begun: AtomicUsize::new(0) }
    }
}

/// Answers `GetContact` (for services only) with the caller's name, and `SignIn` (for everybody) with nothing.
#[derive(Clone)]
struct Identity {
    work: Arc<Work>,
}

impl NamedService for Identity {
    const NAME: &'static str = "kvartal.identity.v1.IdentityService";
}

impl tower::Service<http::Request<Body>> for Identity {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let work = self.work.clone();
        let get_contact = service_fn(move |request: Request<identity::GetContactRequest>| {
            let work = work.clone();
            async move {
                if request.get_ref().user_id == Work::USER {
                    work.done().await;
                }
                let Actor::Service { name } = caller(&request).actor else { panic!("only services get here") };
                let remaining = deadline::remaining().unwrap().as_millis().to_string();
                let contact = identity::GetContactResponse {
                    email: name,
                    locale: remaining,
                    time_zone: criticality::current().name().to_owned(),
                    ..identity::GetContactResponse::default()
                };
                Ok::<_, Status>(Response::new(contact))
            }
        });
        let sign_in = service_fn(|_: Request<identity::SignInRequest>| async {
            Ok::<_, Status>(Response::new(identity::SignInResponse::default()))
        });
        let unary = request.uri().path().ends_with("/GetContact");
        Box::pin(async move {
            Ok(if unary {
                Grpc::new(CheckedCodec::default()).unary(get_contact, request).await
            } else {
                Grpc::new(CheckedCodec::default()).unary(sign_in, request).await
            })
        })
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
