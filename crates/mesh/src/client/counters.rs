//! What happens to the calls of one service, counted for metrics and the admin view.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::balancer::Dropped;
use super::options::RemoteOptions;
use crate::Criticality;

/// Counters of one service.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    attempts: AtomicU64,
    retries: AtomicU64,
    failed_fast: AtomicU64,
    queue_full: AtomicU64,
    over_limit: AtomicU64,
    throttled: [AtomicU64; Criticality::ALL.len()],
    calls: AtomicUsize,
    streams: AtomicUsize,
}

impl Counters {
    /// Takes a place among the running attempts; false when there is none. It must be given back.
    pub(crate) fn enter(&self, stream: bool, options: &RemoteOptions) -> bool {
        let (running, max) =
            if stream { (&self.streams, options.streams_max) } else { (&self.calls, options.calls_max) };
        let entered = running.fetch_add(1, Ordering::Relaxed) < max;
        if entered {
            self.attempts.fetch_add(1, Ordering::Relaxed);
        } else {
            self.leave(stream);
        }
        entered
    }

    pub(crate) fn leave(&self, stream: bool) {
        if stream { &self.streams } else { &self.calls }.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttle(&self, criticality: Criticality) {
        if let Some(counter) = self.throttled.get(criticality as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn drop(&self, dropped: Dropped) {
        self.dropped_counter(dropped).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    pub(crate) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    pub(crate) fn throttled(&self, criticality: Criticality) -> u64 {
        self.throttled.get(criticality as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(crate) fn dropped(&self, dropped: Dropped) -> u64 {
        self.dropped_counter(dropped).load(Ordering::Relaxed)
    }

    fn dropped_counter(&self, dropped: Dropped) -> &AtomicU64 {
        match dropped {
            Dropped::FailFast => &self.failed_fast,
            Dropped::QueueFull => &self.queue_full,
            Dropped::Limit => &self.over_limit,
        }
    }
}
