//! Events on real databases and real buses: SQLite and PostgreSQL, in-process and RabbitMQ.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests have no runtime of the host")]

mod delivery;
mod inbox;
mod local;
mod outbox;
mod rabbit;
mod recorder;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use kvartal_events::{Bus, Delivery, Event, Handler, LocalBus, RabbitBus};
use kvartal_kernel::Timestamp;
use kvartal_proto::event::v1::Envelope;
use kvartal_store::{Store, StoreOptions};
use kvartal_testing::{Postgres, Rabbit};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take on a busy computer.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Quick retries, so that a test need not wait.
pub(crate) fn delivery() -> Delivery {
    Delivery {
        limit: 3,
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
        ..Delivery::default()
    }
}

/// A bus for one test, and what must live as long as it.
pub(crate) struct Room {
    pub(crate) bus: Arc<dyn Bus>,
    _rabbit: Option<Rabbit>,
}

impl Room {
    pub(crate) async fn local() -> Self {
        Self { bus: Arc::new(LocalBus::with(None, delivery()).await.unwrap()), _rabbit: None }
    }

    pub(crate) async fn rabbit() -> Self {
        let rabbit = kvartal_testing::rabbitmq().await;
        Self { bus: Arc::new(RabbitBus::with(&rabbit.url(), delivery()).await.unwrap()), _rabbit: Some(rabbit) }
    }
}

/// The same tests on both buses.
macro_rules! on_both_buses {
    ($($name:ident),* $(,)?) => {
        mod on_local_bus {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::Room::local().await).await; })*
        }
        mod on_rabbitmq {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::Room::rabbit().await).await; })*
        }
    };
}
pub(crate) use on_both_buses;

/// A service's database.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) url: String,
    _postgres: Option<Postgres>,
}

impl Database {
    pub(crate) async fn sqlite() -> Self {
        Self::open("sqlite::memory:".to_owned(), None).await
    }

    pub(crate) async fn postgres() -> Self {
        let postgres = kvartal_testing::postgres().await;
        Self::open(postgres.url_for_schema("service"), Some(postgres)).await
    }

    /// One of each kind.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::sqlite().await, Self::postgres().await]
    }

    async fn open(url: String, postgres: Option<Postgres>) -> Self {
        let store = open(&url).await;
        store.migrate(kvartal_events::outbox::migrations()).await.unwrap();
        Self { store, url, _postgres: postgres }
    }
}

pub(crate) async fn open(url: &str) -> Store {
    let options = StoreOptions { url: url.to_owned(), pool_size: 4, application_name: "test".to_owned() };
    Store::open(options).await.unwrap()
}

/// The `n`th event about `subject`.
pub(crate) fn event(subject: &str, n: usize) -> Event {
    event_of(KIND, subject, n)
}

pub(crate) const KIND: &str = "kvartal.event.v1.Envelope";

pub(crate) fn event_of(kind: &str, subject: &str, n: usize) -> Event {
    let message = Envelope { id: n.to_string(), ..Envelope::default() };
    let time = Timestamp(1_790_000_000_000_000);
    Event { kind: kind.to_owned(), ..Event::new("test", subject, time, &message) }
}

pub(crate) async fn declare(bus: &dyn Bus, queue: &str) {
    bus.declare(queue, &[KIND.to_owned()]).await.unwrap();
}

/// A running consumer.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(bus: &Arc<dyn Bus>, queue: &'static str, handler: Arc<dyn Handler>) -> Self {
        let (bus, stop) = (bus.clone(), CancellationToken::new());
        let token = stop.clone();
        let task = tokio::spawn(async move { bus.consume(queue, handler, token).await.unwrap() });
        Self { stop, task }
    }

    /// Ends it in good order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as the end of the process would.
    pub(crate) async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
