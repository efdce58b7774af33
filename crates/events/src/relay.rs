//! The relay: publishes what the outbox holds, in order, and deletes what the bus has confirmed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kvartal_kernel::{Clock, Error, SystemClock};
use kvartal_store::{Store, db_error};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Span, info_span};

use crate::backoff::Backoff;
use crate::bus::BUS_UNAVAILABLE;
use crate::{Bus, Event, metrics, outbox};

/// Events published at once.
const BATCH: u64 = 256;
/// How often the outbox is looked at without a sign: rows of another process, or a sign that was missed.
const POLL: Duration = Duration::from_secs(1);
/// How soon to look again while another replica relays.
const TURN: Duration = Duration::from_millis(50);
/// How long the bus may take for a batch; on PostgreSQL a transaction stays open meanwhile.
const PUBLISH: Duration = Duration::from_secs(8);
/// How long a bus that has failed may take to show that it answers again.
const PING: Duration = Duration::from_secs(2);
/// How often the backlog is measured.
const MEASURE: Duration = Duration::from_secs(5);

/// Of all replicas of a service, one relays at a time.
const TAKE_TURN: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended('kvartal relay ' || current_schema(), 0))";

/// Publishes a service's outbox.
///
/// When the bus has failed, nothing is published until it answers a ping: a bus that hangs costs one batch its time, and
/// holds no transaction open while it is away.
pub struct Relay {
    store: Store,
    bus: Arc<dyn Bus>,
    source: String,
    /// Whether the bus failed and has not answered since.
    broken: AtomicBool,
}

/// What a look at the outbox gave.
enum Look {
    /// There may be more.
    Full,
    /// That was all.
    All,
    /// Another replica relays.
    NotOurTurn,
}

impl Relay {
    /// A relay for the store of the service `source`.
    pub fn new(store: Store, bus: Arc<dyn Bus>, source: &str) -> Relay {
        #[cfg(debug_assertions)]
        crate::sabotage::know(source, &store);
        Relay { store, bus, source: source.to_owned(), broken: AtomicBool::new(false) }
    }

    /// Runs until `stop`; a batch under way is finished. While the bus or the database is away, it tries again.
    pub async fn run(self, stop: CancellationToken) {
        let mut commits = self.store.committed();
        let mut backoff = Backoff::for_servers();
        let mut measure_at = Instant::now();
        metrics::breaker(&self.source, false);
        while !stop.is_cancelled() {
            // Seen before looking, so that a commit during the look makes us look again.
            commits.mark_unchanged();
            let look = self.look().await;
            if Instant::now() >= measure_at {
                measure_at = Instant::now() + MEASURE;
                self.measure().await;
            }
            match look {
                Ok(Look::Full) => backoff.reset(),
                Ok(Look::All) => {
                    backoff.reset();
                    tokio::select! {
                        () = stop.cancelled() => return,
                        _ = tokio::time::timeout(POLL, commits.changed()) => {}
                    }
                }
                Ok(Look::NotOurTurn) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(TURN) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(service = self.source, error = error.chain(), "events wait in the outbox");
                    if !backoff.wait(&stop).await {
                        return;
                    }
                }
            }
        }
    }

    async fn look(&self) -> Result<Look, Error> {
        self.answers_again().await?;
        let (places, events) =
            outbox::oldest(self.store.reader(), if self.store.is_postgres() { 1 } else { BATCH }).await?;
        if events.is_empty() {
            return Ok(Look::All);
        }
        let count = if self.store.is_postgres() {
            let (bus, source) = (self.bus.clone(), self.source.clone());
            let unit = self.store.transaction(move |tx| Box::pin(async move { in_turn(tx, &*bus, &source).await }));
            match self.note(unit.await)? {
                Some(count) => count,
                None => return Ok(Look::NotOurTurn),
            }
        } else {
            // Not inside a unit: it would hold the only writer while the bus works. This process is the only relay.
            self.note(publish(&*self.bus, &self.source, events).await)?;
            let count = places.len();
            self.store.transaction(move |tx| Box::pin(async move { outbox::delete(tx, places).await })).await?;
            count
        };
        metrics::published(&self.source, count);
        Ok(if u64::try_from(count).unwrap_or(u64::MAX) < BATCH { Look::All } else { Look::Full })
    }

    /// Remembers a failure of the bus; one of the database is not its fault.
    fn note<T>(&self, published: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &published
            && error.reason() == BUS_UNAVAILABLE
        {
            metrics::refused(&self.source);
            if !self.broken.swap(true, Ordering::Relaxed) {
                metrics::breaker(&self.source, true);
                tracing::error!(
                    service = self.source,
                    error = error.chain(),
                    "the bus is away; events wait in the outbox"
                );
            }
        }
        published
    }

    /// After a failure: whether the bus answers.
    async fn answers_again(&self) -> Result<(), Error> {
        if !self.broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        let silent = |_| Err(Error::unavailable(BUS_UNAVAILABLE, "the bus does not answer"));
        tokio::time::timeout(PING, self.bus.ping()).await.unwrap_or_else(silent)?;
        self.broken.store(false, Ordering::Relaxed);
        metrics::breaker(&self.source, false);
        tracing::info!(service = self.source, "the bus answers again");
        Ok(())
    }

    async fn measure(&self) {
        match outbox::backlog(self.store.reader()).await {
            Ok((depth, oldest)) => {
                let age = oldest.map(|oldest| SystemClock.now().since(oldest)).unwrap_or_default();
                metrics::outbox(&self.source, depth, age);
            }
            // The look at the same database tells about it.
            Err(error) => tracing::debug!(error = error.chain(), "the outbox could not be measured"),
        }
    }
}

/// Relays one batch unless another replica does.
async fn in_turn(tx: &DatabaseTransaction, bus: &dyn Bus, source: &str) -> Result<Option<usize>, Error> {
    let turn = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, TAKE_TURN)).await.map_err(db_error)?;
    let ours = turn.map(|row| row.try_get_by_index(0)).transpose().map_err(db_error)?;
    if ours != Some(true) {
        return Ok(None);
    }
    let (places, events) = outbox::oldest(tx, BATCH).await?;
    if !events.is_empty() {
        publish(bus, source, events).await?;
    }
    let count = places.len();
    outbox::delete(tx, places).await?;
    Ok(Some(count))
}

/// Publishes; each event that belongs to a trace gets a producer's span there, and takes that along to its consumers.
async fn publish(bus: &dyn Bus, source: &str, mut events: Vec<Event>) -> Result<(), Error> {
    let batch = events.len();
    let spans: Vec<Span> =
        events.iter_mut().filter_map(|event| producing(event, bus.system(), source, batch)).collect();
    let result = match tokio::time::timeout(PUBLISH, bus.publish(&events)).await {
        Ok(result) => result,
        Err(_) => Err(Error::unavailable(BUS_UNAVAILABLE, "the bus does not confirm")),
    };
    if result.is_err() {
        spans.iter().for_each(|span| _ = span.record("otel.status_code", "ERROR"));
    }
    result
}

/// The span in which the event is published; `None` when nobody traces it.
fn producing(event: &mut Event, system: &'static str, source: &str, batch: usize) -> Option<Span> {
    if event.traceparent.is_empty() {
        return None;
    }
    let span = info_span!(
        parent: None,
        "publish event",
        otel.name = format!("publish {}", event.kind),
        otel.kind = "producer",
        otel.status_code = tracing::field::Empty,
        messaging.system = system,
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.destination.name = event.kind,
        messaging.message.id = %event.id,
        messaging.batch.message_count = batch,
        event.subject = event.subject,
        kvartal.service = source,
    );
    kvartal_trace::follow(&span, &event.traceparent);
    event.traceparent = kvartal_trace::produced(&span, &event.traceparent);
    Some(span)
}
