//! The audit service through gRPC and the bus, on SQLite and on PostgreSQL, and what happens to a chain that is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod chain;
mod guards;
mod records;
mod stage;
mod tamper;

/// Runs each of these tests on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($test:ident,)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test($crate::stage::Database::Sqlite).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test($crate::stage::Database::Postgres).await;
                }
            )*
        }
    };
}
pub(crate) use on_both_databases;
