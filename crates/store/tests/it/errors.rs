//! Database errors mean the same on both databases.

use std::time::Duration;

use kvartal_kernel::Kind;
use kvartal_store::{Store, db_error};
use sea_orm::ConnectionTrait;

use crate::notes::{self, add, insert, note};
use crate::{Database, on_both, options};

on_both!(
    a_unique_violation_names_its_columns,
    a_violated_primary_key_names_its_column,
    a_wrong_statement_is_our_fault_and_keeps_its_cause,
);

async fn a_unique_violation_names_its_columns(db: Database) {
    add(&db.store, 1, "a").await.unwrap();
    let error = add(&db.store, 2, "a").await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::AlreadyExists, "ALREADY_EXISTS"));
    assert_eq!(error.metadata(), [("constraint", "notes.city, notes.email".to_owned())]);
}

async fn a_violated_primary_key_names_its_column(db: Database) {
    let first = note(1, "a");
    let second = notes::Model { email: "b".to_owned(), ..first.clone() };
    db.store.transaction(move |tx| Box::pin(insert(tx, first))).await.unwrap();
    let error = db.store.transaction(move |tx| Box::pin(insert(tx, second))).await.unwrap_err();
    assert_eq!(error.metadata(), [("constraint", "notes.id".to_owned())]);
}

async fn a_wrong_statement_is_our_fault_and_keeps_its_cause(db: Database) {
    let error = db.store.reader().execute_unprepared("SELECT * FROM nowhere").await.map_err(db_error).unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    assert!(error.chain().contains("nowhere"), "{}", error.chain());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_is_unavailable_and_comes_back() {
    let mut server = kvartal_testing::PostgresServer::start().await;
    let database = server.database().await;
    let store = Store::open(options(&database.url())).await.unwrap();
    store.migrate(notes::migrations()).await.unwrap();
    add(&store, 1, "a").await.unwrap();
    server.kill();
    assert_eq!(add(&store, 2, "b").await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(store.ping().await.unwrap_err().kind(), Kind::Unavailable);
    server.restart().await;
    kvartal_testing::eventually(Duration::from_secs(30), || add(&store, 3, "c")).await;
    assert_eq!(notes::emails(&store).await, ["a", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_unavailable() {
    let db = Database::postgres().await;
    let unit = db.store.transaction(|tx| {
        Box::pin(async move {
            tx.execute_unprepared("SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(10)")
                .await
                .map_err(db_error)?;
            Ok(())
        })
    });
    assert_eq!(unit.await.unwrap_err().kind(), Kind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_last_resort_are_set_on_every_connection() {
    let db = Database::postgres().await;
    let setting = |name: &'static str| {
        let store = db.store.clone();
        async move {
            let query = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, format!("SHOW {name}"));
            let row = store.reader().query_one_raw(query).await.unwrap().unwrap();
            row.try_get_by_index::<String>(0).unwrap()
        }
    };
    assert_eq!(setting("statement_timeout").await, "30s");
    assert_eq!(setting("lock_timeout").await, "10s");
    assert_eq!(setting("idle_in_transaction_session_timeout").await, "30s");
    assert_eq!(setting("application_name").await, "test");
    assert_eq!(setting("search_path").await, "notes");
}
