//! What the jobs of this process look like from outside.

use std::time::Duration;

use kvartal_kernel::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};

use super::State;
use super::queue::Count;

/// The instruments; made once for each worker.
pub(super) struct Metrics {
    service: &'static str,
    due: Gauge<i64>,
    running: Gauge<i64>,
    dead: Gauge<i64>,
    age: Gauge<f64>,
    workers: Gauge<i64>,
    attempts: Counter<u64>,
    duration: Histogram<f64>,
}

impl Metrics {
    pub(super) fn new(service: &'static str) -> Self {
        let meter = opentelemetry::global::meter("kvartal.jobs");
        Self {
            service,
            due: meter.i64_gauge("kvartal.jobs.due").with_description("Jobs that wait past their time").build(),
            running: meter.i64_gauge("kvartal.jobs.running").with_description("Jobs a worker holds").build(),
            dead: meter.i64_gauge("kvartal.jobs.dead").with_description("Jobs that were given up").build(),
            age: meter
                .f64_gauge("kvartal.jobs.age")
                .with_description("How long the job that waits longest is past its time")
                .with_unit("s")
                .build(),
            workers: meter
                .i64_gauge("kvartal.jobs.workers")
                .with_description("Jobs that this process runs at once")
                .build(),
            attempts: meter.u64_counter("kvartal.jobs.attempts").with_description("Attempts by outcome").build(),
            duration: meter
                .f64_histogram("kvartal.jobs.duration")
                .with_description("How long an attempt took")
                .with_unit("s")
                .build(),
        }
    }

    /// Kinds without a row count 0, so that a gauge falls when its jobs are gone.
    pub(super) fn counted(&self, kinds: &[&'static str], counts: &[Count], now: Timestamp) {
        let gauges = [(State::Waiting, &self.due), (State::Running, &self.running), (State::Dead, &self.dead)];
        for kind in kinds {
            for (state, gauge) in &gauges {
                let row = counts.iter().find(|row| row.kind == *kind && row.state == state.number());
                gauge.record(row.map_or(0, |row| row.count), &self.labels(kind));
            }
            let due = counts.iter().find(|row| row.kind == *kind && row.state == State::Waiting.number());
            let age = due.map_or(Duration::ZERO, |row| now.since(row.oldest));
            self.age.record(age.as_secs_f64(), &self.labels(kind));
        }
    }

    /// How many jobs run at once.
    pub(super) fn workers(&self, workers: usize) {
        let workers = i64::try_from(workers).unwrap_or(i64::MAX);
        self.workers.record(workers, &[KeyValue::new("service", self.service)]);
    }

    pub(super) fn attempted(&self, kind: &'static str, outcome: &'static str, seconds: f64) {
        let [service, kind] = self.labels(kind);
        let labels = [service, kind, KeyValue::new("outcome", outcome)];
        self.attempts.add(1, &labels);
        self.duration.record(seconds, &labels);
    }

    fn labels(&self, kind: &'static str) -> [KeyValue; 2] {
        [KeyValue::new("service", self.service), KeyValue::new("kind", kind)]
    }
}
