//! One database per service: SQLite with a group-committing writer, or PostgreSQL, behind sea-orm.
//!
//! Reading goes through [`Store::reader`], writing through [`Store::transaction`]; [`keyset`] makes pages and
//! [`db_error`] says what a database error means.

mod breaker;
mod error;
pub mod keyset;
mod metrics;
mod migrate;
mod outage;
mod postgres;
mod sqlite;
mod unit;
mod writer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use kvartal_kernel::{Error, Kind};
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use sea_orm_migration::MigrationTrait;
use tokio::sync::watch;
use tracing::Instrument;

pub use breaker::{Breaker, spread};
pub use error::db_error;

use postgres::Postgres;
use sqlite::Sqlite;

/// How long one unit of work may take; it holds rows (PostgreSQL) or the writer (SQLite) meanwhile.
const UNIT_LIMIT: Duration = Duration::from_secs(30);
/// How long an answer to a ping may take.
const PING_LIMIT: Duration = Duration::from_secs(2);

/// Where the database is and how it is used.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:/path/file.sqlite?mode=rwc`, `sqlite::memory:` (a temporary file that goes away with the store) or
    /// `postgres://…`; a schema named by `options[search_path]` is created when it is missing. PostgreSQL is spoken to in
    /// TLS where it offers that; `sslmode=verify-full&sslrootcert=FILE` insists on it, and on the server's name.
    pub url: String,
    /// Connections at most; for SQLite, read connections, never more than four.
    pub pool_size: u32,
    /// What the connections call themselves in the database and in metrics.
    pub application_name: String,
}

/// One service's database. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    engine: Engine,
    committed: Arc<watch::Sender<u64>>,
    /// See [`Store::hurry`].
    left: OnceLock<fn() -> Option<Duration>>,
}

enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Connects, and creates the file or the schema when it is missing. Fails when the database is away or too old.
    pub async fn open(options: StoreOptions) -> Result<Store, Error> {
        let committed = Arc::new(watch::Sender::new(0));
        let engine = if options.url.starts_with("sqlite:") {
            Engine::Sqlite(Sqlite::open(&options, committed.clone()).await?)
        } else if options.url.starts_with("postgres:") || options.url.starts_with("postgresql:") {
            Engine::Postgres(Postgres::open(&options).await?)
        } else {
            return Err(Error::internal("a database URL must begin with sqlite: or postgres:"));
        };
        let store = Self(Arc::new(Shared { engine, committed, left: OnceLock::new() }));
        metrics::observe(&store.0, &options.application_name);
        Ok(store)
    }

    /// Applies what has not been applied yet, all of it or nothing; two processes at once do it one after another.
    /// Names must be unique within the database; what the database has beyond the list is left alone.
    pub async fn migrate(&self, migrations: Vec<Box<dyn MigrationTrait>>) -> Result<(), Error> {
        self.migrate_by(&migrations).await
    }

    /// The same for who may have to try again.
    pub async fn migrate_by(&self, migrations: &[Box<dyn MigrationTrait>]) -> Result<(), Error> {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => sqlite.migrate(migrations).await,
            Engine::Postgres(postgres) => postgres.migrate(migrations).await,
        }
    }

    /// For reading; it sees every committed unit. On SQLite it refuses to write. While PostgreSQL is known to be away
    /// (see [`Self::watch`]) it refuses everything at once; so take it anew for each reading.
    pub fn reader(&self) -> &DatabaseConnection {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => &sqlite.reader,
            Engine::Postgres(postgres) => postgres.reader(),
        }
    }

    /// A unit of a call that is about to end waits no longer for a connection than the call: `left` tells how long that is,
    /// asked by whoever calls [`Self::transaction`]; `None` outside of calls. Only the first one given counts.
    pub fn hurry(&self, left: fn() -> Option<Duration>) {
        let _ = self.0.left.set(left);
    }

    /// Runs a unit of work in a transaction; durable when it returns Ok, without effect when it returns Err. The one
    /// exception: `Unavailable` after a lost connection may hide a commit, so repeat only what is idempotent.
    ///
    /// Once accepted, a unit runs to its end even when the caller goes away. It must touch nothing but the database:
    /// on SQLite it holds the only writer, and it is given up after 30 seconds. A panic rolls back this unit only.
    pub async fn transaction<T, F>(&self, unit: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    {
        let home = Arc::as_ptr(&self.0).addr();
        if unit::running_in(home) {
            return Err(Error::internal("a unit of work must not start another one on the same store"));
        }
        let (job, answer) = unit::job(home, unit);
        match &self.0.engine {
            Engine::Sqlite(sqlite) => sqlite.enqueue(job).await?,
            Engine::Postgres(postgres) if postgres.watch.away() => return Err(away()),
            Engine::Postgres(postgres) => {
                let (pool, committed) = (postgres.pool.clone(), self.0.committed.clone());
                let left = self.0.left.get().and_then(|left| left());
                let run = async move { postgres::run(&pool, job, &committed, left).await };
                // A task of its own, so that a caller who goes away does not tear the transaction.
                #[expect(
                    clippy::disallowed_methods,
                    reason = "closing the pool waits for it, and a unit has a time limit"
                )]
                tokio::spawn(run.in_current_span());
            }
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Counts the commits made through this store; wakes those who wait for new rows.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.0.committed.subscribe()
    }

    /// Watches PostgreSQL until the future is dropped; on SQLite there is nothing to watch. While the server is away, which
    /// takes about two seconds to find out, everything fails at once with UNAVAILABLE instead of waiting; that ends within
    /// two seconds after it is back. Without a watch, everything waits.
    pub async fn watch(&self) {
        match &self.0.engine {
            Engine::Sqlite(_) => std::future::pending().await,
            Engine::Postgres(postgres) => postgres.watch.run().await,
        }
    }

    /// Asks the database for an answer within two seconds.
    pub async fn ping(&self) -> Result<(), Error> {
        if let Engine::Postgres(postgres) = &self.0.engine
            && postgres.watch.away()
        {
            return Err(away());
        }
        match tokio::time::timeout(PING_LIMIT, self.reader().ping()).await {
            Ok(answer) => answer.map_err(db_error),
            Err(_) => Err(Error::unavailable("DATABASE_UNAVAILABLE", "the database does not answer")),
        }
    }

    /// Finishes the accepted units and closes every connection; later use of any clone is `Unavailable`.
    pub async fn close(self) {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.0.engine, Engine::Postgres(_))
    }

    /// Units waiting for the SQLite writer; always zero on PostgreSQL.
    pub fn queue_depth(&self) -> usize {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => sqlite.queue_depth(),
            Engine::Postgres(_) => 0,
        }
    }
}

/// The answer while PostgreSQL is known to be away.
fn away() -> Error {
    Error::unavailable("DATABASE_UNAVAILABLE", "the database is away; try again soon")
}

/// What a unit gets that came too late.
fn closed() -> Error {
    Error::new(Kind::Unavailable, "DATABASE_CLOSED", "the database is being closed")
}
