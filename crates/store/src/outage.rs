//! Watches PostgreSQL over a connection of its own, so that calls need not find out one by one that it is away.
//!
//! The pool cannot tell: a call that waits for a connection does not know whether the others are busy or the server is
//! gone. While the server is known to be away, reading and writing fail at once; calls are never used to try it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Gauge;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions, Connection};

use crate::breaker::{Breaker, spread};

/// How often the server is asked while it answers.
const EVERY: Duration = Duration::from_millis(500);
/// An answer that takes longer is none.
const ANSWER: Duration = Duration::from_secs(1);
/// So many times in a row without an answer, and the server is away: one may be a busy machine's.
const FAILURES: u32 = 2;
/// Bounds of the pause between two attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// Pause after a failure that does not count yet.
const AGAIN: Duration = Duration::from_millis(100);

/// What is known about the server.
pub(crate) struct Watch {
    connect: PgConnectOptions,
    breaker: Mutex<Breaker>,
    away: AtomicBool,
    /// When the server was last away. Connections made before are not trusted.
    returned: Mutex<Option<Instant>>,
    open: Gauge<i64>,
    pool: [KeyValue; 1],
}

impl Watch {
    pub(crate) fn new(connect: PgConnectOptions, pool: &str) -> Self {
        let open = opentelemetry::global::meter("kvartal-store")
            .i64_gauge("kvartal.store.breaker.open")
            .with_description("1 while the database is known to be away and calls fail at once")
            .build();
        Self {
            connect,
            breaker: Mutex::new(Breaker::new(FAILURES, PAUSE.0, PAUSE.1)),
            away: AtomicBool::new(false),
            returned: Mutex::default(),
            open,
            pool: [KeyValue::new("pool", pool.to_owned())],
        }
    }

    /// Whether the server is known to be away.
    pub(crate) fn away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Whether a connection of this age was made since the server was last away.
    pub(crate) fn trusts(&self, age: Duration) -> bool {
        let returned = *self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        returned.is_none_or(|returned| age < returned.elapsed())
    }

    /// Watches until it is dropped.
    pub(crate) async fn run(&self) {
        let mut connection = None;
        self.open.record(0, &self.pool);
        loop {
            let pause = match tokio::time::timeout(ANSWER, self.ask(&mut connection)).await {
                Ok(Ok(())) => self.answered(),
                Ok(Err(error)) => self.failed(&mut connection, &error.to_string()),
                Err(_) => self.failed(&mut connection, "no answer"),
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&self, connection: &mut Option<PgConnection>) -> Result<(), sqlx::Error> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connect.connect().await?),
        };
        connection.ping().await
    }

    fn answered(&self) -> Duration {
        if self.breaker.lock().unwrap_or_else(PoisonError::into_inner).succeeded() {
            *self.returned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.away.store(false, Ordering::Relaxed);
            self.open.record(0, &self.pool);
            tracing::info!("PostgreSQL answers again");
        }
        EVERY
    }

    fn failed(&self, connection: &mut Option<PgConnection>, error: &str) -> Duration {
        *connection = None;
        let (mut breaker, now) = (self.breaker.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        if breaker.failed(now, spread()) {
            self.away.store(true, Ordering::Relaxed);
            self.open.record(1, &self.pool);
            tracing::error!(error, "PostgreSQL is away; calls that need it fail at once");
        }
        breaker.wait(now).max(AGAIN)
    }
}
