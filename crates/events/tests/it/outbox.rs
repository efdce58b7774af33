//! Outbox and relay: what is committed is published, in order; what is rolled back is not.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kvartal_events::{Bus, DeadLetter, Event, Handler, Relay, outbox};
use kvartal_kernel::Error;
use kvartal_store::Store;
use kvartal_testing::eventually;
use sea_orm::{ConnectionTrait, Statement};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::recorder::{Recorder, number};
use crate::{Database, Room, Running, SOON, declare, event, on_both_buses, open};

on_both_buses!(
    committed_events_arrive_in_order_and_leave_the_outbox,
    a_rolled_back_transaction_publishes_nothing,
    what_waited_while_the_relay_was_down_is_published,
);

pub(crate) struct Relaying {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Relaying {
    pub(crate) fn start(store: &Store, bus: &Arc<dyn Bus>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(Relay::new(store.clone(), bus.clone(), "test").run(stop.clone()));
        Self { stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub(crate) async fn append(store: &Store, events: Vec<Event>) {
    store.transaction(move |tx| Box::pin(outbox::append(tx, events))).await.unwrap();
}

pub(crate) async fn waiting(store: &Store) -> i64 {
    let query = Statement::from_string(store.reader().get_database_backend(), "SELECT COUNT(*) FROM outbox");
    store.reader().query_one_raw(query).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn is_empty(store: &Store) {
    eventually(SOON, || async { (waiting(store).await == 0).then_some(()) }).await;
}

async fn committed_events_arrive_in_order_and_leave_the_outbox(room: Room) {
    for database in Database::both().await {
        declare(&*room.bus, "outbox").await;
        let recorder = Recorder::new();
        let running = Running::start(&room.bus, "outbox", recorder.clone());
        let relaying = Relaying::start(&database.store, &room.bus);
        // One after another, then many at once: more than a batch, more than a statement takes.
        for n in 0..20 {
            append(&database.store, vec![event("a", n)]).await;
        }
        append(&database.store, (20..1320).map(|n| event("a", n)).collect()).await;
        recorder.has_handled(1320).await;
        assert_eq!(recorder.handled("a"), (0..1320).collect::<Vec<_>>());
        is_empty(&database.store).await;
        relaying.stop().await;
        running.stop().await;
    }
}

async fn a_rolled_back_transaction_publishes_nothing(room: Room) {
    for database in Database::both().await {
        declare(&*room.bus, "outbox").await;
        let recorder = Recorder::new();
        let running = Running::start(&room.bus, "outbox", recorder.clone());
        let relaying = Relaying::start(&database.store, &room.bus);
        let units = (0..40).map(|n| {
            database.store.transaction(move |tx| {
                Box::pin(async move {
                    outbox::append(tx, vec![event("a", n)]).await?;
                    if n % 2 == 0 { Err(Error::internal("as planned")) } else { Ok(()) }
                })
            })
        });
        futures::future::join_all(units).await;
        append(&database.store, vec![event("last", 40)]).await;
        recorder.has_handled(21).await;
        is_empty(&database.store).await;
        relaying.stop().await;
        running.stop().await;
        let handled: HashSet<_> = recorder.handled("a").into_iter().collect();
        assert_eq!(handled, (0..40).filter(|n| n % 2 == 1).collect());
    }
}

async fn what_waited_while_the_relay_was_down_is_published(room: Room) {
    for database in Database::both().await {
        declare(&*room.bus, "outbox").await;
        append(&database.store, (0..10).map(|n| event("a", n)).collect()).await;
        let recorder = Recorder::new();
        let running = Running::start(&room.bus, "outbox", recorder.clone());
        let relaying = Relaying::start(&database.store, &room.bus);
        recorder.has_handled(10).await;
        assert_eq!(recorder.handled("a"), (0..10).collect::<Vec<_>>());
        relaying.stop().await;
        running.stop().await;
    }
}

/// A bus that remembers what was published, and refuses while it is broken.
#[derive(Default)]
struct Memory {
    broken: AtomicBool,
    refused: AtomicBool,
    published: Mutex<Vec<usize>>,
}

#[async_trait]
impl Bus for Memory {
    fn system(&self) -> &'static str {
        "memory"
    }

    async fn declare(&self, _: &str, _: &[String]) -> Result<(), Error> {
        Ok(())
    }

    async fn consume(&self, _: &str, _: Arc<dyn Handler>, _: CancellationToken) -> Result<(), Error> {
        Ok(())
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        if self.broken.load(Ordering::SeqCst) {
            self.refused.store(true, Ordering::SeqCst);
            return Err(Error::unavailable("BUS_UNAVAILABLE", "as planned"));
        }
        self.published.lock().unwrap().extend(events.iter().map(number));
        Ok(())
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn dead_letters(&self, _: &str) -> Result<Vec<DeadLetter>, Error> {
        Ok(Vec::new())
    }

    async fn replay(&self, _: &str) -> Result<u64, Error> {
        Ok(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_in_the_outbox_while_the_bus_refuses() {
    for database in Database::both().await {
        let memory = Arc::new(Memory::default());
        memory.broken.store(true, Ordering::SeqCst);
        let bus: Arc<dyn Bus> = memory.clone();
        let relaying = Relaying::start(&database.store, &bus);
        append(&database.store, (0..10).map(|n| event("a", n)).collect()).await;
        eventually(SOON, || async { memory.refused.load(Ordering::SeqCst) }).await;
        assert_eq!(waiting(&database.store).await, 10);
        memory.broken.store(false, Ordering::SeqCst);
        is_empty(&database.store).await;
        relaying.stop().await;
        assert_eq!(*memory.published.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_relay_in_turns() {
    let database = Database::postgres().await;
    let memory = Arc::new(Memory::default());
    let bus: Arc<dyn Bus> = memory.clone();
    let other = open(&database.url).await;
    let relays = [Relaying::start(&database.store, &bus), Relaying::start(&other, &bus), Relaying::start(&other, &bus)];
    for n in 0..300 {
        let store = if n % 2 == 0 { &database.store } else { &other };
        append(store, vec![event("a", n)]).await;
    }
    is_empty(&database.store).await;
    for relay in relays {
        relay.stop().await;
    }
    // In order, and none twice although three relays were at it.
    assert_eq!(*memory.published.lock().unwrap(), (0..300).collect::<Vec<_>>());
}
