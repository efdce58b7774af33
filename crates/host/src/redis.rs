//! What several processes share through Redis: who is revoked, and how often somebody called.

mod limiter;
mod revocations;

use std::time::Duration;

use fred::clients::Pool;
use fred::error::ErrorKind;
use fred::interfaces::{ClientLike, MetricsInterface};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy, UnresponsiveConfig};
use kvartal_kernel::Error;
use opentelemetry::KeyValue;

pub use limiter::RedisLimiter;
pub use revocations::RedisRevocations;

/// One connection for what is asked on every call, one for the rest.
const CONNECTIONS: usize = 2;
/// Redis answers in less than a millisecond; a call must not wait long for one that does not.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Bounds of the wait before connecting again, in milliseconds.
const RECONNECT_MS: (u32, u32) = (50, 1_000);

/// The connections to Redis; they come back by themselves. Cheap to clone.
#[derive(Clone)]
pub struct Redis {
    pool: Pool,
}

impl Redis {
    /// Connects to `redis://…` or `rediss://…`. UNAVAILABLE when nothing answers, INTERNAL when it is of no use to wait.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        // The library's error is not shown: it may repeat the URL with its password.
        let config = Config::from_url(url).map_err(|_| Error::internal("--redis-url cannot be read"))?;
        let mut builder = Builder::from_config(config);
        builder
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT_TIMEOUT;
                connection.internal_command_timeout = CONNECT_TIMEOUT;
                connection.max_command_attempts = 1;
                connection.unresponsive =
                    UnresponsiveConfig { max_timeout: Some(CONNECT_TIMEOUT), interval: CONNECT_TIMEOUT / 4 };
            })
            .with_performance_config(|performance| performance.default_command_timeout = COMMAND_TIMEOUT)
            .set_policy(ReconnectPolicy::new_exponential(0, RECONNECT_MS.0, RECONNECT_MS.1, 2));
        let pool = builder
            .build_pool(CONNECTIONS)
            .map_err(|error| Error::internal("--redis-url cannot be used").because(error))?;
        match tokio::time::timeout(2 * CONNECT_TIMEOUT, pool.init()).await {
            Ok(Ok(_)) => {
                observe(&pool);
                Ok(Self { pool })
            }
            Ok(Err(error)) => {
                let useless = matches!(error.kind(), ErrorKind::Auth | ErrorKind::Config | ErrorKind::InvalidArgument);
                let wrong = || Error::internal("Redis refuses what --redis-url says");
                Err(if useless { wrong().because(error) } else { away(error) })
            }
            Err(_) => Err(Error::unavailable("REDIS_UNAVAILABLE", "Redis does not answer")),
        }
    }

    /// Asks Redis for an answer.
    pub async fn ping(&self) -> Result<(), Error> {
        self.pool.ping::<()>(None).await.map_err(away)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        // They are closed with the process anyway.
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, self.pool.quit()).await;
    }
}

/// Shows how many connections there are and what waits for an answer; read when somebody collects metrics.
fn observe(pool: &Pool) {
    let meter = opentelemetry::global::meter("kvartal.redis");
    let name = || KeyValue::new("db.client.connection.pool.name", "redis");
    let read = pool.clone();
    meter
        .u64_observable_gauge("db.client.connection.count")
        .with_description("Connections by state")
        .with_unit("{connection}")
        .with_callback(move |observer| {
            let connected = read.clients().iter().filter(|client| client.is_connected()).count();
            let state = KeyValue::new("db.client.connection.state", "used");
            observer.observe(u64::try_from(connected).unwrap_or(u64::MAX), &[name(), state]);
        })
        .build();
    meter
        .u64_observable_gauge("db.client.connection.max")
        .with_description("Connections at most; whoever needs one more waits")
        .with_unit("{connection}")
        .with_callback(move |observer| observer.observe(u64::try_from(CONNECTIONS).unwrap_or(u64::MAX), &[name()]))
        .build();
    let read = pool.clone();
    meter
        .u64_observable_gauge("kvartal.redis.queue.depth")
        .with_description("Commands that wait to be written")
        .with_unit("{command}")
        .with_callback(move |observer| {
            let waiting: usize = read.clients().iter().map(MetricsInterface::command_queue_len).sum();
            observer.observe(u64::try_from(waiting).unwrap_or(u64::MAX), &[name()]);
        })
        .build();
}

/// Redis did not do what was asked of it.
fn away(error: fred::error::Error) -> Error {
    Error::unavailable("REDIS_UNAVAILABLE", "Redis does not answer").because(error)
}
