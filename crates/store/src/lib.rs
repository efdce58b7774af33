//! One database per service: SQLite with a group-committing writer, or PostgreSQL, behind sea-orm.

mod error;
pub mod keyset;

use futures::future::BoxFuture;
use kvartal_kernel::Error;
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use sea_orm_migration::MigrationTrait;
use tokio::sync::watch;

pub use error::db_error;

/// Where the database is and how it is used.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:/path/file.sqlite?mode=rwc`, `sqlite::memory:` or `postgres://…`; a schema named by `options[search_path]` is created if missing.
    pub url: String,
    /// Connections at most (PostgreSQL), read connections at most (SQLite).
    pub pool_size: u32,
    /// What the connections call themselves in the database and in metrics.
    pub application_name: String,
}

/// One service's database.
#[derive(Clone)]
pub struct Store;

impl Store {
    /// Connects; creates the file or the schema when it is missing.
    pub async fn open(options: StoreOptions) -> Result<Store, Error> {
        Err(Error::internal(format!("not yet: {}", options.url)))
    }

    /// Applies what has not been applied yet; two processes at once do it one after another.
    pub async fn migrate(&self, migrations: Vec<Box<dyn MigrationTrait>>) -> Result<(), Error> {
        Err(Error::internal(format!("not yet: {}", migrations.len())))
    }

    /// For reading; writing goes through [`Self::transaction`].
    pub fn reader(&self) -> &DatabaseConnection {
        unimplemented!()
    }

    /// Runs a unit of work in a transaction; durable when it returns Ok.
    pub async fn transaction<T, F>(&self, unit: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    {
        drop(unit);
        Err(Error::internal("not yet"))
    }

    /// Counts the commits of this process; wakes those who wait for new rows.
    pub fn committed(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// Asks the database for an answer.
    pub async fn ping(&self) -> Result<(), Error> {
        Err(Error::internal("not yet"))
    }

    /// Finishes accepted units and closes every connection.
    pub async fn close(self) {}

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        false
    }
}
