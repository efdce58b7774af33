//! An event from the outbox to its consumer's effect, beside the same rows written and deleted by a bare loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kvartal_events::{Bus as _, Event, Handler, LocalBus, Relay, inbox, outbox};
use kvartal_kernel::{Clock as _, Error, SystemClock, Uuid};
use kvartal_proto::identity::v1::UserRegistered;
use kvartal_store::{Store, StoreOptions};
use sea_orm::{ConnectionTrait as _, Statement, TransactionTrait as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::drive::cpu;
use crate::report::{Block, Report};

/// Events written in one transaction: what a burst of calls makes of group commit.
const BATCH: usize = 32;

struct Consumer {
    store: Store,
    applied: AtomicU64,
    moved: Notify,
}

#[async_trait]
impl Handler for Consumer {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let id = event.id;
        let first =
            self.store.transaction(move |tx| Box::pin(async move { inbox::first_time(tx, "bench", id).await })).await?;
        if first {
            self.applied.fetch_add(1, Ordering::Relaxed);
            self.moved.notify_one();
        }
        Ok(())
    }
}

async fn open(path: &std::path::Path) -> Store {
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let store = Store::open(StoreOptions { url, pool_size: 4, application_name: "bench".into() }).await.unwrap();
    store.migrate(outbox::migrations()).await.unwrap();
    store
}

fn event() -> Event {
    let user_id = Uuid::new_v4().to_string();
    Event::new("bench", user_id.clone(), SystemClock.now(), &UserRegistered { user_id })
}

/// Publishes for this long and waits until everything was applied; CPU is that of this process, all parts together.
async fn relayed(publisher: &Store, consumer: &Consumer, lasting: Duration) -> Block {
    let pid = std::process::id();
    let (started, before) = (Instant::now(), cpu(pid));
    let already = consumer.applied.load(Ordering::Relaxed);
    let mut sent = 0;
    while started.elapsed() < lasting {
        let events: Vec<_> = (0..BATCH).map(|_| event()).collect();
        publisher.transaction(move |tx| Box::pin(outbox::append(tx, events))).await.unwrap();
        sent += BATCH as u64;
        // At most a thousand under way, as a relay that keeps up has it.
        while already + sent > consumer.applied.load(Ordering::Relaxed) + 1_000 {
            consumer.moved.notified().await;
        }
    }
    while consumer.applied.load(Ordering::Relaxed) < already + sent {
        consumer.moved.notified().await;
    }
    Block { done: sent, cpu: cpu(pid).saturating_sub(before), wall: started.elapsed() }
}

/// The same rows without any of our code between: outbox in, queue in, outbox out, inbox in, queue out.
async fn bare(db: &sea_orm::DatabaseConnection, lasting: Duration) -> Block {
    let pid = std::process::id();
    let (started, before) = (Instant::now(), cpu(pid));
    let mut done = 0;
    while started.elapsed() < lasting {
        let rows: Vec<_> = (0..BATCH).map(|_| event()).collect();
        for (table, delete) in [
            ("bare_outbox", false),
            ("bare_queue", false),
            ("bare_outbox", true),
            ("bare_inbox", false),
            ("bare_queue", true),
        ] {
            let tx = db.begin().await.unwrap();
            for row in &rows {
                let statement = if delete {
                    let sql = format!("DELETE FROM {table} WHERE id = ?");
                    Statement::from_sql_and_values(db.get_database_backend(), sql, [row.id.into()])
                } else {
                    let sql = format!("INSERT INTO {table} (id, event) VALUES (?, ?)");
                    let values = [row.id.into(), row.payload.to_vec().into()];
                    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
                };
                tx.execute_raw(statement).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        done += BATCH as u64;
    }
    Block { done, cpu: cpu(pid).saturating_sub(before), wall: started.elapsed() }
}

pub(crate) async fn run(report: &mut Report) {
    let name = "event, outbox to consumer (SQLite)";
    if !report.wants(name) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let publisher = open(&folder.path().join("publisher.sqlite")).await;
    let consumer_store = open(&folder.path().join("consumer.sqlite")).await;
    let bus = Arc::new(LocalBus::open(Some(&folder.path().join("bus.sqlite"))).await.unwrap());
    let stop = CancellationToken::new();
    let consumer = Arc::new(Consumer { store: consumer_store, applied: AtomicU64::new(0), moved: Notify::new() });
    bus.declare("bench", &["kvartal.identity.v1.UserRegistered".into()]).await.unwrap();
    let (consuming, handler, until) = (bus.clone(), consumer.clone(), stop.clone());
    let consumption = tokio::spawn(async move { consuming.consume("bench", handler, until).await });
    let relaying = tokio::spawn(Relay::new(publisher.clone(), bus, "bench").run(stop.clone()));

    let bare_url = format!("sqlite:{}?mode=rwc", folder.path().join("bare.sqlite").display());
    let mut options = sea_orm::ConnectOptions::new(bare_url);
    options.max_connections(1).sqlx_logging(false);
    let bare_db = sea_orm::Database::connect(options).await.unwrap();
    for sql in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE bare_outbox (id BLOB PRIMARY KEY, event BLOB NOT NULL)",
        "CREATE TABLE bare_queue (id BLOB PRIMARY KEY, event BLOB NOT NULL)",
        "CREATE TABLE bare_inbox (id BLOB PRIMARY KEY, event BLOB NOT NULL)",
    ] {
        bare_db.execute_unprepared(sql).await.unwrap();
    }
    report
        .compare(
            name,
            "the same rows by sea-orm alone, 32 a commit",
            async |lasting| relayed(&publisher, &consumer, lasting).await,
            async |lasting| bare(&bare_db, lasting).await,
        )
        .await;
    stop.cancel();
    relaying.await.unwrap();
    consumption.await.unwrap().unwrap();
}
