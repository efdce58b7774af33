//! The inbox: each event has its effect once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kvartal_events::{Event, Handler, inbox};
use kvartal_kernel::{Clock, Error, Kind, SystemClock, Uuid};
use kvartal_store::{Store, db_error};
use kvartal_testing::eventually;
use sea_orm::{ConnectionTrait, Statement};

use crate::{Database, Room, Running, SOON, declare, event, on_both_buses};

on_both_buses!(an_event_that_is_published_twice_has_its_effect_once);

/// Counts in the database. The first delivery of an event fails when everything is done but the commit, the second when
/// everything is done.
struct Counting {
    store: Store,
    deliveries: Mutex<HashMap<Uuid, usize>>,
    handled: AtomicUsize,
}

#[async_trait]
impl Handler for Counting {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let id = event.id;
        let delivery = {
            let mut deliveries = self.deliveries.lock().unwrap();
            let delivery = deliveries.entry(id).or_default();
            *delivery += 1;
            *delivery
        };
        let stumble = || Err(Error::new(Kind::Unavailable, "AS_PLANNED", "as planned"));
        let unit = self.store.transaction(move |tx| {
            Box::pin(async move {
                if inbox::first_time(tx, "counting", id).await? {
                    tx.execute_unprepared("UPDATE counter SET value = value + 1").await.map_err(db_error)?;
                }
                if delivery == 1 { stumble() } else { Ok(()) }
            })
        });
        unit.await?;
        if delivery == 2 {
            return stumble();
        }
        self.handled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn counter(store: &Store) -> i64 {
    let query = Statement::from_string(store.reader().get_database_backend(), "SELECT value FROM counter");
    store.reader().query_one_raw(query).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn with_counter(database: &Database) {
    let unit = database.store.transaction(|tx| {
        Box::pin(async move {
            for statement in ["CREATE TABLE counter (value BIGINT NOT NULL)", "INSERT INTO counter VALUES (0)"] {
                tx.execute_unprepared(statement).await.map_err(db_error)?;
            }
            Ok(())
        })
    });
    unit.await.unwrap();
}

async fn an_event_that_is_published_twice_has_its_effect_once(room: Room) {
    for database in Database::both().await {
        with_counter(&database).await;
        declare(&*room.bus, "counting").await;
        let handler =
            Arc::new(Counting { store: database.store.clone(), deliveries: Mutex::default(), handled: 0.into() });
        let running = Running::start(&room.bus, "counting", handler.clone());
        let events: Vec<_> = (0..50).map(|n| event(&format!("s{}", n % 5), n)).collect();
        for _ in 0..3 {
            room.bus.publish(&events).await.unwrap();
        }
        eventually(SOON, || async { handler.handled.load(Ordering::SeqCst) == 150 }).await;
        running.stop().await;
        assert_eq!(counter(&database.store).await, 50);
        assert!(room.bus.dead_letters("counting").await.unwrap().is_empty());
    }
}

async fn first_time(store: &Store, consumer: &'static str, event: Uuid) -> bool {
    store.transaction(move |tx| Box::pin(inbox::first_time(tx, consumer, event))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_of_many_at_once_is_the_first() {
    for database in Database::both().await {
        let event = SystemClock.now().uuid();
        let tries = (0..20).map(|_| first_time(&database.store, "a", event));
        let firsts = futures::future::join_all(tries).await.into_iter().filter(|first| *first).count();
        assert_eq!(firsts, 1);
        assert!(first_time(&database.store, "b", event).await, "another consumer has an inbox of its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_effect_leaves_no_trace_in_the_inbox() {
    for database in Database::both().await {
        let event = SystemClock.now().uuid();
        let failed: Result<(), Error> = database
            .store
            .transaction(move |tx| {
                Box::pin(async move {
                    assert!(inbox::first_time(tx, "a", event).await?);
                    Err(Error::internal("as planned"))
                })
            })
            .await;
        assert!(failed.is_err());
        assert!(first_time(&database.store, "a", event).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_are_forgotten_after_fourteen_days() {
    for database in Database::both().await {
        let unit = database.store.transaction(|tx| {
            Box::pin(async move {
                for _ in 0..1500 {
                    inbox::first_time(tx, "a", SystemClock.now().uuid()).await?;
                }
                Ok(())
            })
        });
        unit.await.unwrap();
        let days = |days: u64| SystemClock.now().plus(Duration::from_secs(days * 24 * 3600));
        assert_eq!(inbox::prune(&database.store, days(13)).await.unwrap(), 0);
        assert_eq!(inbox::prune(&database.store, days(15)).await.unwrap(), 1500);
    }
}
