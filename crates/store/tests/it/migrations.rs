//! Migrations: once, together or not at all, one process after another.

use async_trait::async_trait;
use kvartal_store::Store;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::notes::{self, add, emails};
use crate::{Database, on_both, options};

struct Step {
    name: &'static str,
    statements: &'static [&'static str],
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in self.statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

fn with(step: Step) -> Vec<Box<dyn MigrationTrait>> {
    let mut migrations = notes::migrations();
    migrations.push(Box::new(step));
    migrations
}

on_both!(
    migrating_again_changes_nothing,
    a_failed_migration_leaves_nothing_and_can_be_repeated,
    many_processes_at_once_apply_each_migration_once,
    two_migrations_of_one_name_are_refused,
);

async fn migrating_again_changes_nothing(db: Database) {
    add(&db.store, 1, "a").await.unwrap();
    db.store.migrate(notes::migrations()).await.unwrap();
    assert_eq!(emails(&db.store).await, ["a"]);
}

async fn a_failed_migration_leaves_nothing_and_can_be_repeated(db: Database) {
    let broken = Step { name: "step", statements: &["CREATE TABLE extra (id INTEGER)", "NONSENSE"] };
    let error = db.store.migrate(with(broken)).await.unwrap_err();
    assert!(error.message().contains("step"), "{error}");
    let repaired = Step { name: "step", statements: &["CREATE TABLE extra (id INTEGER)"] };
    db.store.migrate(with(repaired)).await.unwrap();
}

async fn many_processes_at_once_apply_each_migration_once(db: Database) {
    let opens = (0..6).map(|_| {
        let url = db.url.clone();
        tokio::spawn(async move {
            let store = Store::open(options(&url)).await.unwrap();
            // Not idempotent: a second process that applies it fails.
            let step =
                Step { name: "step", statements: &["CREATE TABLE extra (id INTEGER)", "INSERT INTO extra VALUES (1)"] };
            store.migrate(with(step)).await.unwrap();
            store.close().await;
        })
    });
    for open in opens.collect::<Vec<_>>() {
        open.await.unwrap();
    }
}

async fn two_migrations_of_one_name_are_refused(db: Database) {
    let step = Step { name: "notes_0001_create", statements: &[] };
    assert!(db.store.migrate(with(step)).await.unwrap_err().message().contains("notes_0001_create"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_can_be_opened_by_many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("new/folder/test.sqlite").display());
    let opens = (0..6).map(|n| {
        let url = url.clone();
        tokio::spawn(async move {
            let store = Store::open(options(&url)).await.unwrap();
            store.migrate(notes::migrations()).await.unwrap();
            add(&store, n, &n.to_string()).await.unwrap();
            store.close().await;
        })
    });
    for open in opens.collect::<Vec<_>>() {
        open.await.unwrap();
    }
    assert_eq!(emails(&Store::open(options(&url)).await.unwrap()).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_schema_is_created_by_whoever_comes_first() {
    let postgres = kvartal_testing::postgres().await;
    let url = postgres.url_for_schema("brand_new");
    let opens = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(async move {
            let store = Store::open(options(&url)).await.unwrap();
            store.migrate(notes::migrations()).await.unwrap();
            store.close().await;
        })
    });
    for open in opens.collect::<Vec<_>>() {
        open.await.unwrap();
    }
    assert_eq!(postgres.sql("SELECT count(*) FROM brand_new.notes").await.trim(), "0");
    assert!(Store::open(options(&postgres.url_for_schema("Bad\"Name"))).await.is_err());
}
