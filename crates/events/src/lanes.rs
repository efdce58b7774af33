//! Lanes: events of one subject are handled one after another, those of different subjects at the same time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use kvartal_kernel::{Error, Kind};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use crate::backoff::Backoff;
use crate::metrics::InFlight;
use crate::{Delivery, Event, Handler, metrics};

/// An event on its way to the handler; `tag` is what the bus needs to settle it.
pub(crate) struct Item<T> {
    pub(crate) event: Event,
    /// Deliveries that have been made already.
    pub(crate) deliveries: u32,
    pub(crate) tag: T,
}

/// What became of an event.
pub(crate) enum Verdict {
    /// The queue can forget it.
    Handled,
    /// It is to become a dead letter.
    Dead { reason: String },
}

/// An event whose handling has ended; `item.deliveries` includes the last one.
pub(crate) struct Settled<T> {
    pub(crate) item: Item<T>,
    pub(crate) verdict: Verdict,
}

/// Running lanes. Dropping them ends them wherever they are.
pub(crate) struct Lanes<T> {
    queue: String,
    lanes: Vec<mpsc::Sender<(Item<T>, InFlight)>>,
    tasks: JoinSet<()>,
}

struct Lane<T> {
    system: &'static str,
    queue: String,
    handler: Arc<dyn Handler>,
    delivery: Delivery,
    stop: CancellationToken,
    items: mpsc::Receiver<(Item<T>, InFlight)>,
    settled: mpsc::Sender<Settled<T>>,
}

impl<T: Send + 'static> Lanes<T> {
    /// Starts the lanes. At most `delivery.prefetch` items may be between `dispatch` and the receiver.
    pub(crate) fn start(
        system: &'static str,
        queue: &str,
        handler: &Arc<dyn Handler>,
        delivery: Delivery,
        stop: &CancellationToken,
    ) -> (Self, mpsc::Receiver<Settled<T>>) {
        let room = usize::from(delivery.prefetch).max(1);
        let (settled, receiver) = mpsc::channel(room);
        let mut tasks = JoinSet::new();
        let lanes = (0..delivery.lanes.max(1))
            .map(|_| {
                let (sender, items) = mpsc::channel(room);
                let lane = Lane {
                    system,
                    queue: queue.to_owned(),
                    handler: handler.clone(),
                    delivery,
                    stop: stop.clone(),
                    items,
                    settled: settled.clone(),
                };
                tasks.spawn(lane.run());
                sender
            })
            .collect();
        metrics::in_flight_limit(queue, delivery.prefetch);
        (Self { queue: queue.to_owned(), lanes, tasks }, receiver)
    }

    /// Hands the event to the lane of its subject.
    pub(crate) async fn dispatch(&self, item: Item<T>) {
        let mut hasher = DefaultHasher::new();
        item.event.subject.hash(&mut hasher);
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(1).max(1);
        let lane = usize::try_from(hasher.finish() % lanes).unwrap_or(0);
        // A lane that has stopped leaves the event to the next consumer.
        let _ = self.lanes[lane].send((item, InFlight::new(&self.queue))).await;
    }

    /// Takes no more, and waits for the handlers at work; `stop` keeps them from beginning with the next event.
    pub(crate) async fn finish(mut self) {
        self.lanes.clear();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a lane did not end well");
            }
        }
    }
}

impl<T: Send + 'static> Lane<T> {
    async fn run(mut self) {
        loop {
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => None,
                item = self.items.recv() => item,
            };
            let Some((mut item, _in_flight)) = next else { return };
            let Some(verdict) = self.settle(&mut item).await else { return };
            if self.settled.send(Settled { item, verdict }).await.is_err() {
                return;
            }
        }
    }

    /// Delivers until the handler succeeds or the event is given up; `None` when stopped in between.
    async fn settle(&self, item: &mut Item<T>) -> Option<Verdict> {
        let mut backoff = Backoff::new(self.delivery.first_pause, self.delivery.longest_pause);
        if item.deliveries >= self.delivery.limit {
            return Some(self.give_up(item, "its handling was cut off every time".to_owned()));
        }
        loop {
            item.deliveries += 1;
            let error = match self.deliver(&item.event, item.deliveries).await {
                Ok(()) => return Some(Verdict::Handled),
                Err(error) => error,
            };
            let hopeless = matches!(error.kind(), Kind::InvalidArgument | Kind::FailedPrecondition);
            if hopeless || item.deliveries >= self.delivery.limit {
                return Some(self.give_up(item, error.chain()));
            }
            tracing::warn!(
                queue = self.queue,
                event = %item.event.id,
                kind = item.event.kind,
                delivery = item.deliveries,
                error = error.chain(),
                "an event could not be handled and comes again"
            );
            if !backoff.wait(&self.stop).await {
                return None;
            }
        }
    }

    async fn deliver(&self, event: &Event, delivery: u32) -> Result<(), Error> {
        let span = info_span!(
            "handle event",
            otel.name = format!("process {}", self.queue),
            otel.kind = "consumer",
            otel.status_code = tracing::field::Empty,
            messaging.system = self.system,
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = self.queue,
            messaging.message.id = %event.id,
            kvartal.service = self.queue,
            event.kind = event.kind,
            event.subject = event.subject,
            delivery,
        );
        kvartal_trace::consume(&span, &event.traceparent);
        let began = Instant::now();
        let handling = AssertUnwindSafe(self.handler.handle(event)).catch_unwind().instrument(span.clone());
        let result = handling.await.unwrap_or_else(|_| Err(Error::internal("the handler panicked")));
        if result.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        metrics::delivered(&self.queue, if result.is_ok() { "handled" } else { "failed" }, began.elapsed());
        result
    }

    fn give_up(&self, item: &Item<T>, reason: String) -> Verdict {
        tracing::error!(
            queue = self.queue,
            event = %item.event.id,
            kind = item.event.kind,
            deliveries = item.deliveries,
            error = reason,
            "an event is given up and kept as a dead letter"
        );
        metrics::dead(&self.queue);
        Verdict::Dead { reason }
    }
}
