//! The notification service through gRPC, the bus and a real mail server, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod areas;
mod deliveries;
mod identity;
mod inbox;
mod incident;
mod mail_page;
mod mails;
mod preferences;
mod stage;
mod streams;

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
