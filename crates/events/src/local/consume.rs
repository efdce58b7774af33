//! One consumer of one queue: fetch, hand to the lanes, forget what was handled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kvartal_kernel::Error;
use kvartal_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Queue, SYSTEM, tables};
use crate::backoff::Backoff;
use crate::lanes::{Item, Lanes, Settled, Verdict};
use crate::{Delivery, Event, Handler, metrics};

/// How often the queue's depth is measured.
const MEASURE: Duration = Duration::from_secs(15);

struct Consumer<'a> {
    store: &'a Store,
    queue: &'a Queue,
    room: usize,
    /// The last place that was fetched. Places grow in the order of commits, because SQLite has one writer.
    last: i64,
    in_flight: usize,
}

/// Consumes until `stop`.
pub(super) async fn run(
    store: &Store,
    queue: &Queue,
    handler: Arc<dyn Handler>,
    delivery: Delivery,
    stop: &CancellationToken,
) {
    let mut backoff = Backoff::for_servers();
    // What was on its way when the process or the consumer before ended was delivered, perhaps fatally.
    while let Err(error) =
        tables::count_delivery(store, &queue.name, queue.handed_over.load(Ordering::Acquire), delivery.prefetch).await
    {
        tracing::warn!(queue = queue.name, error = error.chain(), "the queue cannot be opened yet");
        if !backoff.wait(stop).await {
            return;
        }
    }
    let (lanes, mut settled) = Lanes::start(SYSTEM, &queue.name, &handler, delivery, stop);
    let room = usize::from(delivery.prefetch).max(1);
    let mut consumer = Consumer { store, queue, room, last: 0, in_flight: 0 };
    let mut more = true;
    let mut measure = tokio::time::interval(MEASURE);
    while !stop.is_cancelled() {
        if more && consumer.in_flight < consumer.room {
            match consumer.fetch(&lanes).await {
                Ok(full) => {
                    more = full;
                    backoff.reset();
                }
                Err(error) => {
                    tracing::warn!(queue = queue.name, error = error.chain(), "the queue cannot be read now");
                    if !backoff.wait(stop).await {
                        break;
                    }
                }
            }
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = queue.bell.notified() => more = true,
            Some(first) = settled.recv() => {
                let batch = drain(first, &mut settled);
                consumer.in_flight -= batch.len();
                consumer.forget(batch, stop).await;
            }
            _ = measure.tick() => consumer.measure().await,
        }
    }
    lanes.finish().await;
    if let Ok(first) = settled.try_recv() {
        let batch = drain(first, &mut settled);
        // One attempt: what is not forgotten comes again, and the inbox knows it.
        if let Err(error) = tables::forget(store, &queue.name, &batch).await {
            tracing::warn!(queue = queue.name, error = error.chain(), "handled events will come again");
        }
    }
}

/// Everything that is settled by now: the slower the disk, the larger the batch.
fn drain(first: Settled<i64>, settled: &mut mpsc::Receiver<Settled<i64>>) -> Vec<Settled<i64>> {
    let mut batch = vec![first];
    while let Ok(next) = settled.try_recv() {
        batch.push(next);
    }
    batch
}

impl Consumer<'_> {
    /// Hands over what fits; true when there may be more.
    async fn fetch(&mut self, lanes: &Lanes<i64>) -> Result<bool, Error> {
        let room = self.room - self.in_flight;
        let rows = tables::fetch(self.store, &self.queue.name, self.last, room).await?;
        let full = rows.len() == room;
        let mut unwanted = Vec::new();
        for row in rows {
            self.last = row.seq;
            self.queue.handed_over.fetch_max(row.seq, Ordering::AcqRel);
            match Event::from_envelope(&row.event) {
                Ok(event) if self.queue.takes(&event.kind) => {
                    let item = Item { event, deliveries: u32::try_from(row.deliveries).unwrap_or(0), tag: row.seq };
                    self.in_flight += 1;
                    lanes.dispatch(item).await;
                }
                // Queued for a binding that is no more.
                Ok(_) => unwanted.push(row.seq),
                Err(error) => {
                    tracing::error!(queue = self.queue.name, seq = row.seq, error = error.chain(), "dropped: no event");
                    unwanted.push(row.seq);
                }
            }
        }
        if !unwanted.is_empty() {
            tables::drop_rows(self.store, unwanted).await?;
        }
        Ok(full)
    }

    /// Takes the rows out of the queue, as soon as the database lets it.
    async fn forget(&self, batch: Vec<Settled<i64>>, stop: &CancellationToken) {
        let mut backoff = Backoff::for_servers();
        while let Err(error) = tables::forget(self.store, &self.queue.name, &batch).await {
            tracing::warn!(queue = self.queue.name, error = error.chain(), "handled events cannot be forgotten yet");
            if !backoff.wait(stop).await {
                return;
            }
        }
    }

    async fn measure(&self) {
        if let Ok(depth) = tables::depth(self.store, &self.queue.name).await {
            metrics::queue_depth(&self.queue.name, depth);
        }
    }
}

/// Whether it goes to the dead letters, and why.
pub(super) fn reason(settled: &Settled<i64>) -> Option<&str> {
    match &settled.verdict {
        Verdict::Handled => None,
        Verdict::Dead { reason } => Some(reason),
    }
}
