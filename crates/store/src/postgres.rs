//! Connects to PostgreSQL and runs units there.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Error, Kind};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, ConnectOptions, Connection};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, Statement,
    TransactionTrait,
};
use sea_orm_migration::MigrationTrait;
use tokio::sync::watch;

use crate::outage::Watch;
use crate::unit::{Outcome, Unit};
use crate::{StoreOptions, db_error, metrics, migrate};

/// How long a caller waits for a free connection: less than the deadline of most calls.
const ACQUIRE: Duration = Duration::from_secs(3);
/// A connection that was idle for so long is tried before it is used; trying each time would double the round trips.
const DOUBTFUL: Duration = Duration::from_secs(5);
/// Connections that nobody needs for so long are closed.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// Connections older than this are replaced, so that a failover or a new password is noticed.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A PostgreSQL database.
pub(crate) struct Postgres {
    pub(crate) pool: DatabaseConnection,
    /// A closed pool: stands in while the server is away, and refuses at once.
    nowhere: DatabaseConnection,
    pub(crate) watch: Arc<Watch>,
}

impl Postgres {
    pub(crate) async fn open(options: &StoreOptions) -> Result<Self, Error> {
        let wrong = |error| Error::internal("the PostgreSQL URL is wrong").because(error);
        let connect = PgConnectOptions::from_str(&options.url)
            .map_err(wrong)?
            .application_name(&options.application_name)
            // The limits of last resort; a call's own deadline is shorter.
            .options([
                ("statement_timeout", "30s"),
                ("lock_timeout", "10s"),
                ("idle_in_transaction_session_timeout", "30s"),
            ])
            .disable_statement_logging();
        if let Some(schema) = connect.get_options().and_then(first_schema) {
            create_schema(&connect, &schema).await?;
        }
        let watch = Arc::new(Watch::new(connect.clone(), &options.application_name));
        let closed = PgPoolOptions::new().connect_lazy_with(connect.clone());
        closed.close().await;
        let watched = watch.clone();
        let pool = PgPoolOptions::new()
            .max_connections(options.pool_size.max(1))
            .min_connections(0)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(IDLE)
            .max_lifetime(LIFETIME)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let trusted = watched.trusts(about.age);
                Box::pin(async move {
                    if !trusted {
                        return Ok(false);
                    }
                    if about.idle_for >= DOUBTFUL {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(connect)
            .await
            .map_err(connect_error)?;
        let mut pool = DatabaseConnection::from(pool);
        metrics::count_statements(&mut pool, &options.application_name);
        Ok(Self { pool, nowhere: DatabaseConnection::from(closed), watch })
    }

    /// For reading.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        if self.watch.away() { &self.nowhere } else { &self.pool }
    }

    pub(crate) async fn migrate(&self, migrations: &[Box<dyn MigrationTrait>]) -> Result<(), Error> {
        let tx = self.pool.begin().await.map_err(db_error)?;
        // Waiting for another process and rewriting a table may take their time; waiting for a table's lock may not,
        // because everybody else queues behind the one who waits.
        for statement in [
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL lock_timeout = 0",
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            "SELECT pg_advisory_xact_lock(hashtextextended('kvartal migrate ' || current_schema(), 0))",
            "SET LOCAL lock_timeout = '30s'",
        ] {
            tx.execute_unprepared(statement).await.map_err(db_error)?;
        }
        migrate::apply(&tx, migrations).await?;
        tx.commit().await.map_err(db_error)
    }

    pub(crate) async fn close(&self) {
        // Waits for the connections that are in use, and so for the accepted units.
        if let Err(error) = self.pool.close_by_ref().await {
            tracing::warn!(%error, "the connections to PostgreSQL did not close well");
        }
    }
}

/// Runs a unit in a transaction of its own and tells its caller, of whose call this much is `left`.
pub(crate) async fn run(
    pool: &DatabaseConnection,
    mut unit: Box<dyn Unit>,
    committed: &watch::Sender<u64>,
    left: Option<Duration>,
) {
    let outcome = attempt(pool, &mut *unit, left).await;
    if matches!(outcome, Ok(true)) {
        committed.send_modify(|commits| *commits += 1);
    }
    unit.answer(outcome.map(|_| ()).map_err(db_error));
}

/// Begins within what is left: a unit that starts after its caller has gone would be a surprise to everybody. The pool
/// itself waits for [`ACQUIRE`] at most.
async fn begin(pool: &DatabaseConnection, left: Option<Duration>) -> Result<DatabaseTransaction, DbErr> {
    match left {
        None => pool.begin().await,
        Some(left) => {
            let late = |_| Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
            tokio::time::timeout(left, pool.begin()).await.unwrap_or_else(late)
        }
    }
}

/// True when the unit was committed, false when it did not want to be.
async fn attempt(pool: &DatabaseConnection, unit: &mut dyn Unit, left: Option<Duration>) -> Result<bool, DbErr> {
    let tx = begin(pool, left).await?;
    match unit.run(&tx).await {
        Outcome::Keep => {}
        // PostgreSQL answers COMMIT in a failed transaction with a silent rollback. This statement fails there, and
        // passes when the unit had confined the failure to a savepoint.
        Outcome::KeepDoubtful => {
            tx.execute_unprepared("SELECT 1").await?;
        }
        Outcome::Discard => {
            if let Err(error) = tx.rollback().await {
                tracing::warn!(%error, "rolling back failed; the connection is given up");
            }
            return Ok(false);
        }
    }
    tx.commit().await?;
    Ok(true)
}

/// The schema in which tables are made: the first of `search_path` in connection options such as `-c search_path=a,b`.
fn first_schema(options: &str) -> Option<String> {
    let path = options.split("-c ").find_map(|option| option.trim().strip_prefix("search_path="))?;
    let first = path.split(',').next()?.trim().trim_matches('"');
    (!first.is_empty()).then(|| first.to_owned())
}

/// Creates the schema when it is missing; two processes at once do it one after another.
async fn create_schema(connect: &PgConnectOptions, schema: &str) -> Result<(), Error> {
    let plain = schema.len() <= 63 && schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain {
        return Err(Error::internal("a schema is named by at most 63 lower-case letters, digits and underscores"));
    }
    let mut connection: PgConnection = connect.connect().await.map_err(connect_error)?;
    let mut tx = connection.begin().await.map_err(connect_error)?;
    let missing: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NULL")
        .bind(schema)
        .fetch_one(&mut *tx)
        .await
        .map_err(connect_error)?;
    if missing {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('kvartal schema ' || $1, 0))")
            .bind(schema)
            .execute(&mut *tx)
            .await
            .map_err(connect_error)?;
        // A name cannot be a parameter; it was checked above.
        let create =
            Statement::from_string(sea_orm::DbBackend::Postgres, format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\""));
        sqlx::query(sqlx::AssertSqlSafe(create.sql)).execute(&mut *tx).await.map_err(connect_error)?;
    }
    tx.commit().await.map_err(connect_error)?;
    connection.close().await.map_err(connect_error)
}

/// Waiting does not help against a server that cannot prove its name, or speaks no TLS where it must.
fn connect_error(error: sqlx::Error) -> Error {
    let untrusted = match &error {
        sqlx::Error::Tls(_) => true,
        // How rustls tells about a certificate in the middle of a handshake.
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    };
    if untrusted {
        let message = "there is no trust between us and PostgreSQL; see sslmode and sslrootcert in its URL";
        return Error::new(Kind::FailedPrecondition, "DATABASE_UNTRUSTED", message).because(error);
    }
    db_error(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
}

#[cfg(test)]
mod tests {
    //! The schema is read from the connection options.

    use super::first_schema;

    #[test]
    fn the_first_schema_of_the_path_is_the_one_for_tables() {
        assert_eq!(first_schema("-c search_path=incident"), Some("incident".to_owned()));
        assert_eq!(first_schema("-c geqo=off -c search_path=incident,public -c x=1"), Some("incident".to_owned()));
        assert_eq!(first_schema("-c statement_timeout=30s"), None);
    }
}
