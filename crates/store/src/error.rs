//! Database errors in the terms of the kernel.

use kvartal_kernel::Error;
use sea_orm::DbErr;

/// What a database error means for callers.
pub fn db_error(error: DbErr) -> Error {
    Error::internal("the database refused").because(error)
}
