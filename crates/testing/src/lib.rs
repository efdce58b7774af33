//! Real servers for tests: PostgreSQL, Redis, RabbitMQ, Envoy and an SMTP sink, each test with a room of its own; Jaeger
//! and Prometheus for what a platform tells about itself.
//!
//! [`postgres`], [`redis`] and [`rabbitmq`] hand out a database, a database number and a vhost on servers that are
//! started when first asked for, once per test process. `cargo xtask test` starts them once for a whole run and names
//! them in `KVARTAL_TEST_POSTGRES_URL`, `KVARTAL_TEST_REDIS_URL`, `KVARTAL_TEST_RABBITMQ_URL`. A test that kills or
//! restarts a server starts its own: [`PostgresServer`], [`RedisServer`], [`RabbitServer`]. [`Envoy`] is started by each test with its own
//! configuration.
//!
//! Everything started here dies with the test process, even by `kill -9`. What is missing on the computer fails the
//! test with the command that installs it. Functions panic rather than return errors: they are for tests only.
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod envoy;
mod http;
mod jaeger;
mod postgres;
mod process;
mod prometheus;
mod rabbitmq;
mod redis;
#[cfg(feature = "s3")]
mod s3;
mod smtp;
mod wait;
mod watchdog;

pub use envoy::{Envoy, envoy_program};
pub use jaeger::Jaeger;
pub use postgres::{Postgres, PostgresServer, postgres};
pub use process::Process;
pub use prometheus::{Prometheus, promtool};
pub use rabbitmq::{Rabbit, RabbitServer, rabbitmq};
pub use redis::{Redis, RedisServer, redis};
#[cfg(feature = "s3")]
pub use s3::S3;
pub use smtp::{Mail, Smtp, SmtpMode, smtp, smtp_at};
pub use wait::{Outcome, eventually, free_port};
pub use watchdog::Folder;

/// What the command runner says about this run of tests.
#[expect(clippy::disallowed_methods, reason = "how the command runner hands over servers and data")]
fn shared(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The folder of real data that tests and benchmarks may use in place: named by `KVARTAL_DATA`, or else `shared/data`
/// beside the checkout. `None` where it is not: such tests then say so and pass; `cargo xtask test` reports it too.
pub fn real_data() -> Option<std::path::PathBuf> {
    let beside = || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = shared("KVARTAL_DATA").map_or_else(beside, std::path::PathBuf::from);
    folder.canonicalize().ok().filter(|folder| folder.is_dir())
}

/// A name nobody else uses, safe in SQL, in URLs and in file names.
fn unique(prefix: &str) -> String {
    format!("{prefix}_{}_{:016x}", std::process::id(), wait::random())
}

/// A program that `cargo xtask test` builds, by its name with its version: beside the test, in the same target folder.
pub fn tool(name: &str) -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let there = test.ancestors().map(|folder| folder.join("tools/bin").join(name)).find(|path| path.is_file());
    there.unwrap_or_else(|| panic!("{name} is not built; build it, once, with: cargo xtask tools"))
}

/// The first of `candidates` that exists, or else found on PATH under `name`.
fn program(name: &str, package: &str, candidates: &[&str]) -> std::path::PathBuf {
    let on_path = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];
    let fixed = candidates.iter().map(std::path::PathBuf::from);
    fixed
        .chain(on_path.iter().map(|folder| std::path::Path::new(folder).join(name)))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{name} is not installed; install it with: apt-get install -y {package}"))
}
