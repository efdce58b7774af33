//! Database errors in the terms of the kernel.

use kvartal_kernel::{Error, Kind};
use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// What a database error means for callers.
///
/// A unique violation is `AlreadyExists` with the fact `constraint`, the same text on both databases: the columns, such
/// as `people.city, people.email`. A lost connection, an exhausted pool and a busy database are `Unavailable`; a lost
/// race of transactions is `Aborted`; everything else is our fault.
pub fn db_error(error: DbErr) -> Error {
    let result = match &error {
        DbErr::ConnectionAcquire(_) => unavailable(),
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => sqlx_error(cause),
        _ => internal(),
    };
    result.because(error)
}

fn sqlx_error(error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) => {
            if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                postgres_error(error)
            } else if let Some(error) = error.try_downcast_ref::<SqliteError>() {
                sqlite_error(error)
            } else {
                internal()
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => unavailable(),
        _ => internal(),
    }
}

fn postgres_error(error: &PgDatabaseError) -> Error {
    match error.code() {
        // unique_violation
        "23505" => {
            let table = error.table().unwrap_or_default();
            let columns = error.detail().and_then(key_columns);
            let constraint = match columns {
                Some(columns) => {
                    columns.iter().map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
                }
                None => error.constraint().unwrap_or_default().to_owned(),
            };
            already_exists(&constraint)
        }
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Error::conflict(),
        // lock_not_available, query_canceled (statement_timeout), read_only_sql_transaction (a failover under way)
        "55P03" | "57014" | "25006" => unavailable(),
        // idle_in_transaction_session_timeout
        "25P03" => unavailable(),
        // connection exceptions, insufficient resources, operator intervention
        code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => unavailable(),
        _ => internal(),
    }
}

fn sqlite_error(error: &SqliteError) -> Error {
    use sqlx::error::DatabaseError as _;
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    match code {
        // CONSTRAINT_UNIQUE, CONSTRAINT_PRIMARYKEY, CONSTRAINT_ROWID
        2067 | 1555 | 2579 => already_exists(error.message().trim_start_matches("UNIQUE constraint failed: ")),
        // BUSY, LOCKED, IOERR, FULL, CANTOPEN, PROTOCOL, in the low byte of the extended code
        _ if matches!(code & 0xff, 5 | 6 | 10 | 13 | 14 | 15) => unavailable(),
        _ => internal(),
    }
}

/// The columns in `Key (city, email)=(Omsk, a@b) already exists.`, whatever language the server speaks.
fn key_columns(detail: &str) -> Option<Vec<&str>> {
    let (_, rest) = detail.split_once('(')?;
    let (columns, _) = rest.split_once(")=(")?;
    Some(columns.split(", ").collect())
}

fn already_exists(constraint: &str) -> Error {
    Error::new(Kind::AlreadyExists, "ALREADY_EXISTS", "it exists already").with("constraint", constraint)
}

fn unavailable() -> Error {
    Error::unavailable("DATABASE_UNAVAILABLE", "the database cannot answer now")
}

fn internal() -> Error {
    Error::internal("the database refused")
}

#[cfg(test)]
mod tests {
    //! What PostgreSQL says about a violated key.

    use super::key_columns;

    #[test]
    fn the_columns_are_read_and_the_values_are_not() {
        assert_eq!(key_columns("Key (city, email)=(Omsk, a@b) already exists."), Some(vec!["city", "email"]));
        assert_eq!(key_columns("Key (lower(name))=((x)=(y)) already exists."), Some(vec!["lower(name)"]));
        assert_eq!(key_columns("something else"), None);
    }
}
