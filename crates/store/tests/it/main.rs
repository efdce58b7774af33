//! The store on real databases: SQLite files and PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests have no runtime of the host")]

mod errors;
mod keyset;
mod migrations;
mod notes;
mod tls;
mod transactions;
mod writer;

use kvartal_store::{Store, StoreOptions};
use kvartal_testing::Postgres;

/// A database for one test, and what must live as long as it.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) url: String,
    _postgres: Option<Postgres>,
    _folder: Option<tempfile::TempDir>,
}

pub(crate) fn options(url: &str) -> StoreOptions {
    StoreOptions { url: url.to_owned(), pool_size: 8, application_name: "test".to_owned() }
}

impl Database {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", folder.path().join("test.sqlite").display());
        let store = Store::open(options(&url)).await.unwrap();
        store.migrate(notes::migrations()).await.unwrap();
        Self { store, url, _postgres: None, _folder: Some(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let postgres = kvartal_testing::postgres().await;
        let url = postgres.url_for_schema("notes");
        let store = Store::open(options(&url)).await.unwrap();
        store.migrate(notes::migrations()).await.unwrap();
        Self { store, url, _postgres: Some(postgres), _folder: None }
    }
}

/// The same tests on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::Database::sqlite().await).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::Database::postgres().await).await; })*
        }
    };
}
pub(crate) use on_both;
