//! The bus inside one process: durable queues in a SQLite file of its own.

mod consume;
mod tables;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use kvartal_kernel::{Error, Kind};
use kvartal_store::{Store, StoreOptions};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::bus::BUS_UNAVAILABLE;
use crate::{Bus, DeadLetter, Delivery, Event, Handler};

/// As traces call it.
const SYSTEM: &str = "kvartal";

/// A bus inside one process, with the semantics of [`crate::RabbitBus`]. Clones share it.
#[derive(Clone)]
pub struct LocalBus(Arc<Shared>);

struct Shared {
    store: Store,
    delivery: Delivery,
    queues: RwLock<HashMap<String, Arc<Queue>>>,
    /// The last place when the bus was opened: what an earlier process may have handed over.
    inherited: i64,
}

/// What is known of a queue besides its rows.
struct Queue {
    name: String,
    kinds: RwLock<HashSet<String>>,
    /// Whether `declare` was called in this process.
    declared: AtomicBool,
    /// Rows up to this place may have been on their way to a handler before.
    handed_over: AtomicI64,
    /// Rung when there are new rows.
    bell: Notify,
    /// Held by the consumer that is served.
    turn: Mutex<()>,
}

impl Queue {
    fn new(name: &str, handed_over: i64) -> Self {
        Self {
            name: name.to_owned(),
            kinds: RwLock::default(),
            declared: false.into(),
            handed_over: handed_over.into(),
            bell: Notify::new(),
            turn: Mutex::new(()),
        }
    }

    fn takes(&self, kind: &str) -> bool {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).contains(kind)
    }
}

impl LocalBus {
    /// Opens the bus kept in this SQLite file; `None` keeps it in a temporary file that goes away with the bus.
    pub async fn open(path: Option<&Path>) -> Result<LocalBus, Error> {
        Self::with(path, Delivery::default()).await
    }

    /// Opens it with other rules of delivery.
    pub async fn with(path: Option<&Path>, delivery: Delivery) -> Result<LocalBus, Error> {
        let url = match path {
            Some(path) => format!("sqlite:{}?mode=rwc", tables::url_path(path)?),
            None => "sqlite::memory:".to_owned(),
        };
        let store = Store::open(StoreOptions { url, pool_size: 2, application_name: "bus".to_owned() }).await?;
        store.migrate(tables::migrations()).await?;
        let inherited = tables::last(&store).await?;
        let bus = Self(Arc::new(Shared { store, delivery, queues: RwLock::default(), inherited }));
        for (queue, kind) in tables::bindings(&bus.0.store).await? {
            let queue = bus.queue(&queue);
            queue.kinds.write().unwrap_or_else(PoisonError::into_inner).insert(kind);
        }
        Ok(bus)
    }

    /// Closes the file; what is queued stays in it.
    pub async fn close(self) {
        self.0.store.clone().close().await;
    }

    /// The queue of this name, made when it is not known yet.
    fn queue(&self, name: &str) -> Arc<Queue> {
        let mut queues = self.0.queues.write().unwrap_or_else(PoisonError::into_inner);
        queues.entry(name.to_owned()).or_insert_with(|| Arc::new(Queue::new(name, self.0.inherited))).clone()
    }

    fn known(&self) -> Vec<Arc<Queue>> {
        self.0.queues.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn system(&self) -> &'static str {
        SYSTEM
    }

    async fn declare(&self, queue: &str, kinds: &[String]) -> Result<(), Error> {
        tables::bind(&self.0.store, queue, kinds).await?;
        let queue = self.queue(queue);
        *queue.kinds.write().unwrap_or_else(PoisonError::into_inner) = kinds.iter().cloned().collect();
        queue.declared.store(true, Ordering::Release);
        Ok(())
    }

    async fn consume(&self, queue: &str, handler: Arc<dyn Handler>, stop: CancellationToken) -> Result<(), Error> {
        let queue = self.queue(queue);
        if !queue.declared.load(Ordering::Acquire) {
            return Err(Error::internal(format!("the queue {} was not declared before it is consumed", queue.name)));
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            turn = queue.turn.lock() => {
                consume::run(&self.0.store, &queue, handler, self.0.delivery, &stop).await;
                drop(turn);
            }
        }
        Ok(())
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        let queues = self.known();
        let mut rows = Vec::new();
        let mut rung = HashSet::new();
        for event in events {
            let mut envelope = None;
            for queue in queues.iter().filter(|queue| queue.takes(&event.kind)) {
                let bytes = envelope.get_or_insert_with(|| event.encode()).clone();
                rows.push((queue.name.clone(), bytes));
                rung.insert(queue.name.as_str());
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        tables::enqueue(&self.0.store, rows).await.map_err(away)?;
        queues.iter().filter(|queue| rung.contains(queue.name.as_str())).for_each(|queue| queue.bell.notify_one());
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        self.0.store.ping().await.map_err(away)
    }

    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>, Error> {
        tables::dead_letters(&self.0.store, queue).await
    }

    async fn replay(&self, queue: &str) -> Result<u64, Error> {
        let count = tables::replay(&self.0.store, queue).await?;
        self.queue(queue).bell.notify_one();
        Ok(count)
    }
}

/// A database that is away is a bus that is away.
fn away(error: Error) -> Error {
    match error.kind() {
        Kind::Unavailable => Error::unavailable(BUS_UNAVAILABLE, "the bus cannot answer now").because(error),
        _ => error,
    }
}
