//! Opens a SQLite file: one connection that writes, a few that read.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::Error;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{ConnectOptions, Connection, query_scalar};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use sea_orm_migration::MigrationTrait;
use tempfile::TempDir;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::metrics::{self, WriterMetrics};
use crate::unit::Unit;
use crate::writer::{self, Writer};
use crate::{StoreOptions, closed, db_error, migrate};

/// Versions before this one can corrupt a WAL database.
const OLDEST: (u32, u32, u32) = (3, 51, 3);
/// Read connections at most: SQLite reads from memory, so more of them only cost memory.
const READERS: u32 = 4;
/// How long a connection waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
/// How long a caller waits for a free read connection, and the writer for a migration.
const ACQUIRE: Duration = Duration::from_secs(30);
/// Read connections that nobody needs for so long are closed.
const IDLE: Duration = Duration::from_secs(60);

/// A SQLite database and the task that writes to it.
pub(crate) struct Sqlite {
    pub(crate) reader: DatabaseConnection,
    writer: DatabaseConnection,
    queue: mpsc::Sender<Box<dyn Unit>>,
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
    lock: PathBuf,
    /// Holds the file of `sqlite::memory:`; declared last, so that it goes after the connections.
    _temporary: Option<TempDir>,
}

impl Sqlite {
    pub(crate) async fn open(options: &StoreOptions, committed: Arc<watch::Sender<u64>>) -> Result<Self, Error> {
        let (base, temporary) = base_options(&options.url)?;
        let file = base.get_filename().to_owned();
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| cannot_open(&file).because(error))?;
        }
        let lock = lock_path(&file);
        // A new file becomes a WAL file under the lock: two processes that both try would disturb each other.
        let guard = migrate::lock_file(&lock).await?;
        let writer_options = base
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-2048")
            .pragma("journal_size_limit", "8388608");
        check(&writer_options).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            // A connection whose transaction could not be ended is thrown away.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(writer_options)
            .await
            .map_err(|error| cannot_open(&file).because(error))?;
        drop(guard);
        let mut writer = DatabaseConnection::from(pool);
        let reader_options = base.pragma("cache_size", "-1024").pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new()
            .max_connections(options.pool_size.clamp(1, READERS))
            .min_connections(0)
            .idle_timeout(IDLE)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .connect_lazy_with(reader_options);
        let mut reader = DatabaseConnection::from(pool);
        metrics::count_statements(&mut writer, &options.application_name);
        metrics::count_statements(&mut reader, &options.application_name);

        let (queue, receiver) = mpsc::channel(writer::QUEUE);
        let stop = Arc::new(Notify::new());
        let task = Writer {
            connection: writer.clone(),
            queue: receiver,
            stop: stop.clone(),
            committed,
            metrics: WriterMetrics::new(&options.application_name),
        };
        #[expect(clippy::disallowed_methods, reason = "`close` waits for it")]
        let task = Mutex::new(Some(tokio::spawn(task.run())));
        Ok(Self { reader, writer, queue, stop, task, lock, _temporary: temporary })
    }

    pub(crate) async fn enqueue(&self, unit: Box<dyn Unit>) -> Result<(), Error> {
        self.queue.send(unit).await.map_err(|_| closed())
    }

    pub(crate) fn queue_depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(crate) async fn migrate(&self, migrations: &[Box<dyn MigrationTrait>]) -> Result<(), Error> {
        let _guard = migrate::lock_file(&self.lock).await?;
        let tx = writer::begin(&self.writer).await.map_err(db_error)?;
        migrate::apply(&tx, migrations).await?;
        tx.commit().await.map_err(db_error)
    }

    pub(crate) async fn close(&self) {
        self.stop.notify_one();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the SQLite writer did not end well");
        }
        for connection in [&self.reader, &self.writer] {
            if let Err(error) = connection.close_by_ref().await {
                tracing::warn!(%error, "a SQLite connection did not close well");
            }
        }
    }
}

/// What all connections have in common; a temporary folder stands for `sqlite::memory:`, because an in-memory database
/// cannot be shared by connections that read while another writes.
fn base_options(url: &str) -> Result<(SqliteConnectOptions, Option<TempDir>), Error> {
    let wrong = |error| Error::internal("the SQLite URL is wrong").because(error);
    let memory = url.contains(":memory:");
    let (options, temporary) = if memory {
        let folder =
            TempDir::with_prefix("kvartal-store-").map_err(|error| cannot_open(Path::new(url)).because(error))?;
        let options = SqliteConnectOptions::new().filename(folder.path().join("store.sqlite")).create_if_missing(true);
        (options, Some(folder))
    } else {
        (SqliteConnectOptions::from_str(url).map_err(wrong)?, None)
    };
    let options = options
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("mmap_size", "0")
        .pragma("trusted_schema", "OFF")
        .statement_cache_capacity(64)
        .thread_name(|n| format!("sqlite-{n}"))
        .disable_statement_logging();
    Ok((options, temporary))
}

/// Refuses a library that is too old and a file system that cannot hold a WAL file.
async fn check(options: &SqliteConnectOptions) -> Result<(), Error> {
    let failed = |error| db_error(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))));
    let mut connection: SqliteConnection = options.connect().await.map_err(failed)?;
    let version: String = query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await.map_err(failed)?;
    let mode: String = query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    if parse_version(&version) < Some(OLDEST) {
        let (major, minor, patch) = OLDEST;
        return Err(Error::internal(format!("SQLite is {version}; it must be at least {major}.{minor}.{patch}")));
    }
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::internal(format!("the file system does not support a WAL database (mode is {mode})")));
    }
    Ok(())
}

/// `3.51.3` as numbers.
fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

/// The lock beside the database.
fn lock_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-lock");
    name.into()
}

fn cannot_open(file: &Path) -> Error {
    Error::unavailable("DATABASE_UNAVAILABLE", format!("the database {} cannot be opened", file.display()))
}

#[cfg(test)]
mod tests {
    //! Versions are numbers, not text.

    use super::{OLDEST, parse_version};

    #[test]
    fn an_old_library_is_recognised() {
        assert!(parse_version("3.40.1") < Some(OLDEST));
        assert!(parse_version("3.51.2") < Some(OLDEST));
        assert!(parse_version("3.9.0") < Some(OLDEST));
        assert!(parse_version("nonsense") < Some(OLDEST));
    }

    #[test]
    fn a_new_library_is_accepted() {
        assert!(parse_version("3.51.3") >= Some(OLDEST));
        assert!(parse_version("3.52") >= Some(OLDEST));
        assert!(parse_version("4.0.0") >= Some(OLDEST));
    }
}
