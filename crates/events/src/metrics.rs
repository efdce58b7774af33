//! What the bus tells about itself.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, UpDownCounter};
use opentelemetry::{KeyValue, global};

struct Instruments {
    deliveries: Counter<u64>,
    duration: Histogram<f64>,
    published: Counter<u64>,
    in_flight: UpDownCounter<i64>,
    in_flight_limit: Gauge<u64>,
    queue_depth: Gauge<u64>,
    breaker: Gauge<u64>,
    refused: Counter<u64>,
    outbox_depth: Gauge<u64>,
    outbox_age: Gauge<f64>,
}

/// Made on first use, when the process has set up its telemetry.
static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("kvartal-events");
    Instruments {
        deliveries: meter
            .u64_counter("kvartal.events.deliveries")
            .with_description("Deliveries to handlers by outcome: handled, failed (comes again), dead")
            .with_unit("{event}")
            .build(),
        duration: meter
            .f64_histogram("messaging.process.duration")
            .with_description("Time a handler takes for one delivery")
            .with_unit("s")
            .with_boundaries(vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0])
            .build(),
        published: meter
            .u64_counter("kvartal.events.published")
            .with_description("Events the relay has published and the bus has confirmed")
            .with_unit("{event}")
            .build(),
        in_flight: meter
            .i64_up_down_counter("kvartal.events.in_flight")
            .with_description("Events taken from a queue that wait in a lane or are being handled")
            .with_unit("{event}")
            .build(),
        in_flight_limit: meter
            .u64_gauge("kvartal.events.in_flight.limit")
            .with_description("Events taken from a queue at most")
            .with_unit("{event}")
            .build(),
        queue_depth: meter
            .u64_gauge("kvartal.events.queue.depth")
            .with_description("Events waiting in a consumer's queue")
            .with_unit("{event}")
            .build(),
        breaker: meter
            .u64_gauge("kvartal.events.breaker.open")
            .with_description("1 while the bus is known to be away and nothing is published until it answers")
            .build(),
        refused: meter
            .u64_counter("kvartal.events.publish.failures")
            .with_description("Batches of events that the bus did not confirm; they are published again")
            .with_unit("{batch}")
            .build(),
        outbox_depth: meter
            .u64_gauge("kvartal.events.outbox.depth")
            .with_description("Events waiting to be published; counted up to 100 000")
            .with_unit("{event}")
            .build(),
        outbox_age: meter
            .f64_gauge("kvartal.events.outbox.age")
            .with_description("Age of the oldest event waiting to be published")
            .with_unit("s")
            .build(),
    }
});

fn queue_name(queue: &str) -> KeyValue {
    KeyValue::new("messaging.destination.name", queue.to_owned())
}

/// A delivery ended in `outcome` after `took`.
pub(crate) fn delivered(queue: &str, outcome: &'static str, took: Duration) {
    let labels = [queue_name(queue), KeyValue::new("outcome", outcome)];
    INSTRUMENTS.deliveries.add(1, &labels);
    INSTRUMENTS.duration.record(took.as_secs_f64(), &labels);
}

/// An event became a dead letter.
pub(crate) fn dead(queue: &str) {
    INSTRUMENTS.deliveries.add(1, &[queue_name(queue), KeyValue::new("outcome", "dead")]);
}

/// The bus confirmed this many events of the service.
pub(crate) fn published(source: &str, events: usize) {
    let events = u64::try_from(events).unwrap_or(u64::MAX);
    INSTRUMENTS.published.add(events, &[KeyValue::new("service", source.to_owned())]);
}

/// Whether the bus is known to be away.
pub(crate) fn breaker(source: &str, open: bool) {
    INSTRUMENTS.breaker.record(open.into(), &[KeyValue::new("service", source.to_owned())]);
}

/// The bus did not confirm a batch of the service.
pub(crate) fn refused(source: &str) {
    INSTRUMENTS.refused.add(1, &[KeyValue::new("service", source.to_owned())]);
}

/// At most this many events of the queue are on their way to the handler.
pub(crate) fn in_flight_limit(queue: &str, events: u16) {
    INSTRUMENTS.in_flight_limit.record(events.into(), &[queue_name(queue)]);
}

/// An event in a lane; counted for as long as it lives.
pub(crate) struct InFlight([KeyValue; 1]);

impl InFlight {
    pub(crate) fn new(queue: &str) -> Self {
        let queue = [queue_name(queue)];
        INSTRUMENTS.in_flight.add(1, &queue);
        Self(queue)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        INSTRUMENTS.in_flight.add(-1, &self.0);
    }
}

/// Events waiting in a queue.
pub(crate) fn queue_depth(queue: &str, depth: u64) {
    INSTRUMENTS.queue_depth.record(depth, &[queue_name(queue)]);
}

/// Events waiting in an outbox, and the age of the oldest.
pub(crate) fn outbox(source: &str, depth: u64, age: Duration) {
    let labels = [KeyValue::new("service", source.to_owned())];
    INSTRUMENTS.outbox_depth.record(depth, &labels);
    INSTRUMENTS.outbox_age.record(age.as_secs_f64(), &labels);
}
