//! A running platform with identity alone in it, and people who call it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use kvartal_host::{Config, Runtime};
use kvartal_identity::DemoUser;
use kvartal_kernel::{Clock, Role, SystemClock, Timestamp};
use kvartal_mesh::{BoxService, Peer, from_status};
use kvartal_proto::contract;
use kvartal_proto::identity::v1 as pb;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_stage::Heard;
use kvartal_testing::{Postgres, Rabbit, Redis, eventually};
use prost::{Message, Name};
use tempfile::TempDir;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

pub(crate) const ADMIN: &str = "admin@city.example";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The machine's clock, set forward at will.
#[derive(Default)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// Where the platform runs, which outlives a restart of it.
pub(crate) struct Place {
    pub(crate) config: Config,
    pub(crate) identity: kvartal_identity::Config,
    pub(crate) clock: Arc<TestClock>,
    folder: TempDir,
    _servers: (Option<Postgres>, Option<Rabbit>, Option<Redis>),
}

impl Place {
    /// One process with SQLite files.
    pub(crate) fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::embedded(folder.path().join("data"));
        config.log = "warn".to_owned();
        let admin = DemoUser {
            email: ADMIN.to_owned(),
            password: PASSWORD.to_owned(),
            display_name: "Boss".to_owned(),
            roles: vec![Role::Admin],
        };
        let identity = kvartal_identity::Config { demo_users: vec![admin], ..Default::default() };
        Self { config, identity, clock: Arc::default(), folder, _servers: (None, None, None) }
    }

    /// With PostgreSQL.
    pub(crate) async fn postgres() -> Self {
        let mut place = Self::embedded();
        let postgres = kvartal_testing::postgres().await;
        place.config.database_url = Some(postgres.url_for_schema("{service}"));
        place.identity.master_key_file = Some(place.file("master.key", &format!("{}QUI=", "QUJD".repeat(10))));
        place._servers.0 = Some(postgres);
        place
    }

    /// With PostgreSQL, RabbitMQ and Redis.
    pub(crate) async fn cluster() -> Self {
        let mut place = Self::postgres().await;
        let (rabbit, redis) = (kvartal_testing::rabbitmq().await, kvartal_testing::redis().await);
        place.config.bus_url = Some(rabbit.url());
        place.config.redis_url = Some(redis.url());
        place._servers.1 = Some(rabbit);
        place._servers.2 = Some(redis);
        place
    }

    /// Another process beside this one: the same servers and options, a folder of its own.
    pub(crate) fn replica(&self) -> Self {
        let other = Self::embedded();
        let config = Config { data_dir: other.config.data_dir.clone(), ..self.config.clone() };
        Self { config, identity: self.identity.clone(), clock: self.clock.clone(), ..other }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    /// Starts the platform.
    pub(crate) async fn start(&self) -> World {
        let runtime = Runtime::start_with_clock(self.config.clone(), self.clock.clone()).await.unwrap();
        let published = contract().services().flat_map(|service| service.publishes.clone());
        let events = Heard::on(&runtime, published.filter(|kind| kind.starts_with("kvartal.identity."))).await;
        let service = kvartal_identity::service(&runtime, &self.identity).await.unwrap();
        runtime.serve(service).await.unwrap();
        World { runtime, clock: self.clock.clone(), events, strangers: AtomicU32::new(0) }
    }
}

/// A running platform.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) clock: Arc<TestClock>,
    events: Heard,
    strangers: AtomicU32,
}

/// The edge: it knows where a call comes from, and passes the caller's token on.
#[derive(Clone)]
pub(crate) struct Edge {
    peer: Peer,
    bearer: Option<String>,
}

impl Interceptor for Edge {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.extensions_mut().insert(self.peer.clone());
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", format!("Bearer {bearer}").parse().unwrap());
        }
        Ok(request)
    }
}

pub(crate) type Client = IdentityServiceClient<InterceptedService<BoxService, Edge>>;

impl World {
    pub(crate) async fn embedded() -> (Place, Self) {
        let place = Place::embedded();
        let world = place.start().await;
        (place, world)
    }

    /// Somebody at an address and with a browser of that name.
    pub(crate) fn at(&self, address: &str, user_agent: &str, bearer: Option<&str>) -> Client {
        let service = self.runtime.directory().local("identity").unwrap();
        let peer = Peer { address: address.to_owned(), user_agent: user_agent.to_owned() };
        IdentityServiceClient::with_interceptor(service, Edge { peer, bearer: bearer.map(str::to_owned) })
    }

    /// Somebody at an address nobody else has.
    pub(crate) fn stranger(&self) -> Client {
        self.at(&self.address(), "Browser", None)
    }

    /// Somebody with this access token.
    pub(crate) fn with_token(&self, access_token: &str) -> Client {
        self.at(&self.address(), "Browser", Some(access_token))
    }

    fn address(&self) -> String {
        let number = self.strangers.fetch_add(1, Ordering::Relaxed);
        Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 1)) + number).to_string()
    }

    /// Registers and confirms an account; gives its id.
    pub(crate) async fn registered(&self, email: &str) -> String {
        self.stranger().register(registration(email)).await.unwrap();
        let mail = self.confirmation_mail(email).await;
        self.stranger().confirm_email(pb::ConfirmEmailRequest { token: mail.token }).await.unwrap();
        mail.user_id
    }

    pub(crate) async fn sign_in(&self, email: &str) -> pb::SignInResponse {
        self.stranger().sign_in(credentials(email, PASSWORD)).await.unwrap().into_inner()
    }

    /// A new session of this account; gives its client and its tokens.
    pub(crate) async fn session(&self, email: &str) -> (Client, pb::TokenPair) {
        let tokens = self.sign_in(email).await.tokens.unwrap();
        (self.with_token(&tokens.access_token), tokens)
    }

    pub(crate) async fn admin(&self) -> Client {
        self.session(ADMIN).await.0
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<pb::TokenPair, Status> {
        let request = pb::RefreshSessionRequest { refresh_token: refresh_token.to_owned() };
        Ok(self.stranger().refresh_session(request).await?.into_inner().tokens.unwrap())
    }

    /// Waits for an event of this kind that fits, and takes it away.
    pub(crate) async fn event<M: Message + Name + Default>(&self, fits: impl Fn(&M) -> bool) -> M {
        eventually(SOON, || async { self.take(&fits) }).await
    }

    /// An event of this kind that fits, if it has arrived; it is taken away.
    pub(crate) fn take<M: Message + Name + Default>(&self, fits: &impl Fn(&M) -> bool) -> Option<M> {
        let event = self.events.take(|event| event.is::<M>() && fits(&event.decode().unwrap()))?;
        Some(event.decode().unwrap())
    }

    pub(crate) async fn confirmation_mail(&self, email: &str) -> pb::EmailConfirmationRequested {
        self.event(|mail: &pb::EmailConfirmationRequested| mail.email == email).await
    }

    pub(crate) async fn reset_mail(&self, email: &str) -> pb::PasswordResetRequested {
        self.event(|mail: &pb::PasswordResetRequested| mail.email == email).await
    }

    /// Stops the platform in order.
    pub(crate) async fn stop(self) {
        let stopped = self.runtime.shutdown().await;
        assert!(stopped.clean(), "{stopped:?}");
    }
}

pub(crate) fn registration(email: &str) -> pb::RegisterRequest {
    pb::RegisterRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: "Anna Petrova".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn credentials(email: &str, password: &str) -> pb::SignInRequest {
    pb::SignInRequest { email: email.to_owned(), password: password.to_owned() }
}

/// The stable reason in a status.
pub(crate) fn reason<T>(answer: Result<T, Status>) -> String {
    match answer {
        Ok(_) => "OK".to_owned(),
        Err(status) => from_status(&status).reason().to_owned(),
    }
}
