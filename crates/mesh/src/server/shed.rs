//! The answer to a call for which there is no place, and the count of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kvartal_contract::Method;
use kvartal_kernel::Error;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use tonic::Status;
use tonic::metadata::MetadataValue;

use crate::Criticality;
use crate::rate::class_name;
use crate::status::to_status;

/// The header that tells gRPC clients when to try again (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// After which time each class may come again, up to twice of it: the dispensable ones when the others have been served.
const COME_AGAIN: [Duration; 4] =
    [Duration::from_secs(4), Duration::from_secs(1), Duration::from_millis(250), Duration::from_millis(250)];

/// Turns calls away.
pub(super) struct Shed {
    service: &'static str,
    count: Counter<u64>,
    turn: AtomicU64,
}

impl Shed {
    pub(super) fn new(meter: &Meter, service: &'static str) -> Self {
        let count = meter.u64_counter("rpc.server.shed").with_description("Calls turned away for want of a place");
        Self { service, count: count.build(), turn: AtomicU64::new(0) }
    }

    /// Counts the call and says when to come again.
    pub(super) fn refuse(&self, method: &Method, class: Criticality) -> Status {
        let attributes = [
            KeyValue::new("service", self.service),
            KeyValue::new("criticality", class.name()),
            KeyValue::new("class", class_name(method.rate)),
        ];
        self.count.add(1, &attributes);
        let after = self.after(class);
        let error = Error::unavailable("OVERLOADED", "too much to do at the moment").retry_after(after);
        let mut status = to_status(error);
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        status.metadata_mut().insert(PUSHBACK, MetadataValue::from(millis));
        status
    }

    /// Spread evenly, so that those who were turned away together do not come again together.
    fn after(&self, class: Criticality) -> Duration {
        let least = COME_AGAIN[class as usize];
        // Multiples of the golden ratio fall evenly however many there are.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let part = u32::try_from(turn >> 32).unwrap_or(0);
        least + least.mul_f64(f64::from(part) / f64::from(u32::MAX))
    }
}
