//! Units of work: what is kept, what is not, and who waits for them.

use std::time::Duration;

use kvartal_kernel::{Error, Kind};
use kvartal_store::{Store, StoreOptions};
use kvartal_testing::eventually;
use sea_orm::TransactionTrait;
use tokio::sync::oneshot;

use crate::notes::{add, emails, insert, note};
use crate::{Database, on_both, options};

on_both!(
    a_unit_that_succeeds_is_kept,
    a_unit_that_fails_leaves_nothing,
    neighbours_of_a_failed_unit_are_kept,
    a_unit_that_panics_rolls_back_only_itself,
    a_unit_runs_to_its_end_when_its_caller_goes_away,
    a_failure_inside_a_savepoint_can_be_survived,
    a_unit_that_starts_another_is_refused_instead_of_waiting_for_itself,
    commits_wake_those_who_wait,
    a_closed_store_is_unavailable,
    a_store_answers_a_ping,
);

async fn a_unit_that_succeeds_is_kept(db: Database) {
    let answer = db
        .store
        .transaction(|tx| {
            Box::pin(async move {
                insert(tx, note(1, "a")).await?;
                Ok(42)
            })
        })
        .await;
    assert_eq!(answer.unwrap(), 42);
    assert_eq!(emails(&db.store).await, ["a"]);
}

async fn a_unit_that_fails_leaves_nothing(db: Database) {
    let answer: Result<(), Error> = db
        .store
        .transaction(|tx| {
            Box::pin(async move {
                insert(tx, note(1, "a")).await?;
                Err(Error::new(Kind::FailedPrecondition, "NOT_NOW", "not now"))
            })
        })
        .await;
    assert_eq!(answer.unwrap_err().reason(), "NOT_NOW");
    assert!(emails(&db.store).await.is_empty());
}

async fn neighbours_of_a_failed_unit_are_kept(db: Database) {
    add(&db.store, 0, "taken").await.unwrap();
    let units = (0..50).map(|n| {
        let store = db.store.clone();
        async move { if n % 5 == 0 { add(&store, n, "taken").await } else { add(&store, n, &format!("{n:02}")).await } }
    });
    let answers = futures::future::join_all(units).await;
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(()) => assert_ne!(n % 5, 0),
            Err(error) => assert_eq!((n % 5, error.kind()), (0, Kind::AlreadyExists)),
        }
    }
    assert_eq!(emails(&db.store).await.len(), 41);
}

async fn a_unit_that_panics_rolls_back_only_itself(db: Database) {
    let units = (0..30).map(|n| {
        let store = db.store.clone();
        async move {
            store
                .transaction(move |tx| {
                    Box::pin(async move {
                        insert(tx, note(n, &format!("{n:02}"))).await?;
                        assert_ne!(n % 3, 0, "as planned");
                        Ok(())
                    })
                })
                .await
        }
    });
    let answers = futures::future::join_all(units).await;
    assert!(answers.iter().enumerate().all(|(n, answer)| answer.is_ok() == (n % 3 != 0)));
    assert!(answers.iter().filter_map(|a| a.as_ref().err()).all(|error| error.kind() == Kind::Internal));
    assert_eq!(emails(&db.store).await.len(), 20);
    // A panic while the future is being made is caught as well.
    let early = db.store.transaction(|_| -> futures::future::BoxFuture<'_, Result<(), Error>> { panic!("as planned") });
    assert_eq!(early.await.unwrap_err().kind(), Kind::Internal);
    add(&db.store, 99, "after").await.unwrap();
}

async fn a_unit_runs_to_its_end_when_its_caller_goes_away(db: Database) {
    let (started, has_started) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    let store = db.store.clone();
    let caller = tokio::spawn(async move {
        store
            .transaction(move |tx| {
                Box::pin(async move {
                    insert(tx, note(1, "first")).await?;
                    started.send(()).unwrap();
                    may_go.await.unwrap();
                    insert(tx, note(2, "second")).await
                })
            })
            .await
    });
    has_started.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    eventually(Duration::from_secs(10), || async { emails(&db.store).await == ["first", "second"] }).await;
}

async fn a_failure_inside_a_savepoint_can_be_survived(db: Database) {
    add(&db.store, 0, "taken").await.unwrap();
    let answer = db.store.transaction(|tx| {
        Box::pin(async move {
            insert(tx, note(1, "before")).await?;
            let inner = tx.begin().await.map_err(kvartal_store::db_error)?;
            assert_eq!(insert(&inner, note(2, "taken")).await.unwrap_err().kind(), Kind::AlreadyExists);
            inner.rollback().await.map_err(kvartal_store::db_error)?;
            insert(tx, note(3, "after")).await
        })
    });
    answer.await.unwrap();
    assert_eq!(emails(&db.store).await, ["after", "before", "taken"]);
}

async fn a_unit_that_starts_another_is_refused_instead_of_waiting_for_itself(db: Database) {
    let store = db.store.clone();
    let answer = db.store.transaction(move |_| Box::pin(async move { add(&store, 1, "inner").await })).await;
    assert_eq!(answer.unwrap_err().kind(), Kind::Internal);
    assert!(emails(&db.store).await.is_empty());
}

async fn commits_wake_those_who_wait(db: Database) {
    let mut commits = db.store.committed();
    commits.mark_unchanged();
    let waiter = tokio::spawn(async move { commits.changed().await });
    add(&db.store, 1, "a").await.unwrap();
    waiter.await.unwrap().unwrap();
}

async fn a_closed_store_is_unavailable(db: Database) {
    let units = (0..20).map(|n| {
        let store = db.store.clone();
        tokio::spawn(async move { add(&store, n, &format!("{n:02}")).await })
    });
    let units: Vec<_> = units.collect();
    let other = db.store.clone();
    db.store.clone().close().await;
    // Each unit was either kept or refused, and said so.
    let answers = futures::future::join_all(units).await;
    let kept = answers.iter().filter(|answer| answer.as_ref().unwrap().is_ok()).count();
    assert!(answers.into_iter().filter_map(|a| a.unwrap().err()).all(|error| error.kind() == Kind::Unavailable));
    assert_eq!(add(&other, 99, "late").await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(other.ping().await.unwrap_err().kind(), Kind::Unavailable);
    let again = kvartal_store::Store::open(crate::options(&db.url)).await.unwrap();
    assert_eq!(emails(&again).await.len(), kept);
}

async fn a_store_answers_a_ping(db: Database) {
    db.store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_never_confirms_a_unit_that_swallowed_a_failure() {
    let db = Database::postgres().await;
    add(&db.store, 0, "taken").await.unwrap();
    let answer = db.store.transaction(|tx| {
        Box::pin(async move {
            insert(tx, note(1, "before")).await?;
            let _ = insert(tx, note(2, "taken")).await;
            Ok(())
        })
    });
    // PostgreSQL would answer the COMMIT with a silent rollback.
    assert_eq!(answer.await.unwrap_err().kind(), Kind::Internal);
    assert_eq!(emails(&db.store).await, ["taken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_waits_for_a_connection_no_longer_than_the_call_it_is_made_for() {
    let db = Database::postgres().await;
    let one = Store::open(StoreOptions { pool_size: 1, ..options(&db.url) }).await.unwrap();
    let (started, has_started) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    let store = one.clone();
    let holder = tokio::spawn(async move {
        store
            .transaction(move |_| {
                Box::pin(async move {
                    started.send(()).unwrap();
                    may_go.await.unwrap();
                    Ok(())
                })
            })
            .await
    });
    has_started.await.unwrap();
    one.hurry(|| Some(Duration::from_millis(300)));
    let began = tokio::time::Instant::now();
    assert_eq!(add(&one, 1, "late").await.unwrap_err().kind(), Kind::Unavailable);
    // The pool alone would have waited for three seconds.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    go.send(()).unwrap();
    holder.await.unwrap().unwrap();
    one.ping().await.unwrap();
    assert!(emails(&db.store).await.is_empty(), "it does not run after its caller was told that it did not");
}
