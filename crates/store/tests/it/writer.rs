//! The SQLite writer: groups, durability, settings.

use kvartal_kernel::Kind;
use kvartal_store::{Store, db_error};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::sync::oneshot;

use crate::notes::{add, emails, insert, note};
use crate::{Database, options};

/// Holds the writer until told to go on, so that what follows waits in the queue.
async fn hold(store: &Store) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (started, has_started) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    let store = store.clone();
    let holder = tokio::spawn(async move {
        let unit = store.transaction(move |_| {
            Box::pin(async move {
                started.send(()).unwrap();
                may_go.await.unwrap();
                Ok(())
            })
        });
        unit.await.unwrap();
    });
    has_started.await.unwrap();
    (go, holder)
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_wait_are_committed_together() {
    let db = Database::sqlite().await;
    let before = *db.store.committed().borrow();
    let (go, holder) = hold(&db.store).await;
    let units: Vec<_> = (0..100)
        .map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move { add(&store, n, &n.to_string()).await.unwrap() })
        })
        .collect();
    kvartal_testing::eventually(std::time::Duration::from_secs(10), || async { db.store.queue_depth() == 100 }).await;
    go.send(()).unwrap();
    holder.await.unwrap();
    for unit in units {
        unit.await.unwrap();
    }
    // The holder and 63 more, then the other 37.
    assert_eq!(*db.store.committed().borrow() - before, 2);
    assert_eq!(emails(&db.store).await.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_in_the_file_before_the_store_is_closed() {
    let db = Database::sqlite().await;
    for n in 0..10 {
        add(&db.store, n, &n.to_string()).await.unwrap();
        // Another connection, which sees only what has been committed.
        let other = Store::open(options(&db.url)).await.unwrap();
        assert_eq!(emails(&other).await.len(), usize::try_from(n + 1).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_refuses_to_write() {
    let db = Database::sqlite().await;
    let delete = Statement::from_string(DbBackend::Sqlite, "DELETE FROM notes");
    assert!(db.store.reader().execute_raw(delete).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_is_durable_and_small() {
    let db = Database::sqlite().await;
    let pragma = |name: &'static str| {
        let store = db.store.clone();
        async move {
            let unit = store.transaction(move |tx| {
                Box::pin(async move {
                    let query = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
                    let row = tx.query_one_raw(query).await.map_err(db_error)?.unwrap();
                    Ok(row.try_get_by_index::<i64>(0).unwrap())
                })
            });
            unit.await.unwrap()
        }
    };
    // FULL: a confirmed commit outlives a power cut.
    assert_eq!(pragma("synchronous").await, 2);
    assert_eq!(pragma("foreign_keys").await, 1);
    assert_eq!(pragma("mmap_size").await, 0);
    assert_eq!(pragma("cache_size").await, -2048);
    assert_eq!(pragma("busy_timeout").await, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_committed_confirms_nobody() {
    let db = Database::sqlite().await;
    db.store
        .transaction(|tx| {
            Box::pin(async move {
                for statement in [
                    "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
                    "CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
                ] {
                    tx.execute_unprepared(statement).await.map_err(db_error)?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    let (go, holder) = hold(&db.store).await;
    let store = db.store.clone();
    let orphan = tokio::spawn(async move {
        let unit = store.transaction(|tx| {
            Box::pin(async move {
                tx.execute_unprepared("INSERT INTO child VALUES (1)").await.map_err(db_error)?;
                Ok(())
            })
        });
        unit.await
    });
    kvartal_testing::eventually(std::time::Duration::from_secs(10), || async { db.store.queue_depth() == 1 }).await;
    let store = db.store.clone();
    let neighbour = tokio::spawn(async move { add(&store, 1, "neighbour").await });
    kvartal_testing::eventually(std::time::Duration::from_secs(10), || async { db.store.queue_depth() == 2 }).await;
    go.send(()).unwrap();
    // The violation shows at the commit only, and the commit is everybody's.
    assert!(holder.await.is_err());
    assert_eq!(orphan.await.unwrap().unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(neighbour.await.unwrap().unwrap_err().kind(), Kind::Unavailable);
    assert!(emails(&db.store).await.is_empty());
    add(&db.store, 2, "later").await.unwrap();
    assert_eq!(emails(&db.store).await, ["later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_take_turns() {
    let db = Database::sqlite().await;
    let other = Store::open(options(&db.url)).await.unwrap();
    let units = (0..100).map(|n| {
        let store = if n % 2 == 0 { db.store.clone() } else { other.clone() };
        tokio::spawn(async move {
            let unit = store.transaction(move |tx| {
                Box::pin(async move {
                    // Reads first: without the write lock from the start, this could not be upgraded.
                    let rows = sea_orm::EntityTrait::find_by_id::<uuid::Uuid>(uuid::Uuid::nil());
                    let _: Option<crate::notes::Model> =
                        sea_orm::Select::<crate::notes::Entity>::one(rows, tx).await.map_err(db_error)?;
                    insert(tx, note(n, &n.to_string())).await
                })
            });
            unit.await.unwrap();
        })
    });
    for unit in units.collect::<Vec<_>>() {
        unit.await.unwrap();
    }
    assert_eq!(emails(&db.store).await.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_memory_works_like_a_file() {
    let store = Store::open(options("sqlite::memory:")).await.unwrap();
    store.migrate(crate::notes::migrations()).await.unwrap();
    add(&store, 1, "a").await.unwrap();
    assert_eq!(emails(&store).await, ["a"]);
    store.close().await;
}
