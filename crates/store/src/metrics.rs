//! What the store tells about itself: statements, connections, the writer's queue and its groups.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{KeyValue, global};
use sea_orm::{DatabaseConnection, DbBackend};

use crate::{Engine, Shared, unit, writer};

/// Statements slower than this are logged.
const SLOW: Duration = Duration::from_secs(1);
/// Bucket bounds for durations, in seconds.
const SECONDS: [f64; 11] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

fn meter() -> Meter {
    global::meter("kvartal-store")
}

/// What the SQLite writer counts.
pub(crate) struct WriterMetrics {
    size: Histogram<u64>,
    duration: Histogram<f64>,
    pool: [KeyValue; 1],
}

impl WriterMetrics {
    pub(crate) fn new(pool: &str) -> Self {
        let meter = meter();
        Self {
            size: meter
                .u64_histogram("kvartal.store.group.size")
                .with_description("Units of work in one commit")
                .with_unit("{unit}")
                .with_boundaries(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
                .build(),
            duration: meter
                .f64_histogram("kvartal.store.commit.duration")
                .with_description("Time a commit takes to be durable")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            pool: [pool_name(pool)],
        }
    }

    /// A group of this many units was committed in this time.
    pub(crate) fn group(&self, units: usize, commit: Duration) {
        self.size.record(u64::try_from(units).unwrap_or(u64::MAX), &self.pool);
        self.duration.record(commit.as_secs_f64(), &self.pool);
    }
}

/// Counts and times every statement of the connection, and tells a unit of work that one of its statements failed.
pub(crate) fn count_statements(connection: &mut DatabaseConnection, pool: &str) {
    let system = if connection.get_database_backend() == DbBackend::Postgres { "postgresql" } else { "sqlite" };
    let duration = meter()
        .f64_histogram("db.client.operation.duration")
        .with_description("Time a statement takes")
        .with_unit("s")
        .with_boundaries(SECONDS.to_vec())
        .build();
    let about = |outcome| [KeyValue::new("db.system.name", system), pool_name(pool), KeyValue::new("outcome", outcome)];
    let (passed, failed) = (about("passed"), about("failed"));
    connection.set_metric_callback(move |statement| {
        duration.record(statement.elapsed.as_secs_f64(), if statement.failed { &failed } else { &passed });
        if statement.failed {
            unit::statement_failed();
        }
        if statement.elapsed >= SLOW {
            // The text has placeholders; the values stay out of the log.
            tracing::warn!(elapsed = ?statement.elapsed, sql = statement.statement.sql, "slow statement");
        }
    });
}

/// Reports the store's connections and queue for as long as it is open.
pub(crate) fn observe(store: &Arc<Shared>, pool: &str) {
    let meter = meter();
    let (weak, name) = (Arc::downgrade(store), pool_name(pool));
    meter
        .u64_observable_gauge("db.client.connection.count")
        .with_description("Connections by state")
        .with_unit("{connection}")
        .with_callback(move |observer| {
            let Some(Connections { size, idle, .. }) = connections(&weak) else { return };
            observer.observe(idle, &[name.clone(), KeyValue::new("db.client.connection.state", "idle")]);
            observer.observe(
                size.saturating_sub(idle),
                &[name.clone(), KeyValue::new("db.client.connection.state", "used")],
            );
        })
        .build();
    let (weak, name) = (Arc::downgrade(store), pool_name(pool));
    meter
        .u64_observable_gauge("db.client.connection.max")
        .with_description("Connections at most; whoever needs one more waits")
        .with_unit("{connection}")
        .with_callback(move |observer| {
            if let Some(Connections { max, .. }) = connections(&weak) {
                observer.observe(max, std::slice::from_ref(&name));
            }
        })
        .build();
    let (weak, name) = (Arc::downgrade(store), pool_name(pool));
    meter
        .u64_observable_gauge("kvartal.store.queue.limit")
        .with_description("Units of work that may wait for the writer")
        .with_unit("{unit}")
        .with_callback(move |observer| {
            if weak.upgrade().is_some_and(|shared| matches!(shared.engine, Engine::Sqlite(_))) {
                observer.observe(u64::try_from(writer::QUEUE).unwrap_or(u64::MAX), std::slice::from_ref(&name));
            }
        })
        .build();
    let (weak, name) = (Arc::downgrade(store), pool_name(pool));
    meter
        .u64_observable_gauge("kvartal.store.queue.depth")
        .with_description("Units of work waiting for the writer")
        .with_unit("{unit}")
        .with_callback(move |observer| {
            if let Some(shared) = weak.upgrade()
                && let Engine::Sqlite(sqlite) = &shared.engine
            {
                observer.observe(u64::try_from(sqlite.queue_depth()).unwrap_or(u64::MAX), std::slice::from_ref(&name));
            }
        })
        .build();
}

/// A pool at a moment.
struct Connections {
    size: u64,
    idle: u64,
    max: u64,
}

fn connections(store: &Weak<Shared>) -> Option<Connections> {
    let shared = store.upgrade()?;
    let (size, idle, max) = match &shared.engine {
        Engine::Sqlite(sqlite) => {
            let pool = sqlite.reader.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
        Engine::Postgres(postgres) => {
            let pool = postgres.pool.get_postgres_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
    };
    Some(Connections { size: size.into(), idle: u64::try_from(idle).unwrap_or(0), max: max.into() })
}

fn pool_name(pool: &str) -> KeyValue {
    KeyValue::new("db.client.connection.pool.name", pool.to_owned())
}
