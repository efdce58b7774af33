//! The answer to a call for which there is no place, and the count of them. Under overload that is most of what a service
//! does, so the answers are made beforehand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderMap;
use kvartal_contract::Method;
use kvartal_kernel::Error;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataValue;

use crate::Criticality;
use crate::rate::{CLASSES, class_name};
use crate::service::Response;
use crate::status::to_status;

/// The header that tells gRPC clients when to try again (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// After which time each class may come again, up to twice of it: the dispensable ones when the others have been served.
const COME_AGAIN: [Duration; 4] =
    [Duration::from_secs(4), Duration::from_secs(1), Duration::from_millis(250), Duration::from_millis(250)];
/// Over how many times that is spread.
const TIMES: usize = 32;
/// Odd, so that it meets every time once in [`TIMES`] refusals, and near the golden ratio of it, so that a few of them in a
/// row lie far apart.
const STRIDE: usize = 19;

/// Turns calls away.
pub(super) struct Shed {
    count: Counter<u64>,
    attributes: Vec<(Criticality, &'static str, [KeyValue; 3])>,
    /// By class and time.
    answers: [[Answer; TIMES]; 4],
    turn: AtomicUsize,
}

struct Answer {
    status: Status,
    /// The same on the wire.
    headers: HeaderMap,
}

impl Shed {
    pub(super) fn new(meter: &Meter, service: &'static str) -> Self {
        let count = meter.u64_counter("rpc.server.shed").with_description("Calls turned away for want of a place");
        let attributes = |class: Criticality, rate: &'static str| {
            let attributes = [
                KeyValue::new("service", service),
                KeyValue::new("criticality", class.name()),
                KeyValue::new("class", rate),
            ];
            (class, rate, attributes)
        };
        let rates = CLASSES.map(class_name);
        let attributes =
            Criticality::ALL.into_iter().flat_map(|class| rates.map(|rate| attributes(class, rate))).collect();
        let answers = COME_AGAIN
            .map(|least| std::array::from_fn(|time| answer(least + least.mul_f64(time as f64 / TIMES as f64))));
        Self { count: count.build(), attributes, answers, turn: AtomicUsize::new(0) }
    }

    /// Counts the call and says when to come again.
    pub(super) fn refuse(&self, method: &Method, class: Criticality) -> Status {
        self.next(method, class).status.clone()
    }

    /// The same as a response.
    pub(super) fn turn_away(&self, method: &Method, class: Criticality) -> Response {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.next(method, class).headers.clone();
        response
    }

    /// Spread evenly, so that those who were turned away together do not come again together.
    fn next(&self, method: &Method, class: Criticality) -> &Answer {
        let rate = class_name(method.rate);
        if let Some((_, _, attributes)) = self.attributes.iter().find(|one| one.0 == class && one.1 == rate) {
            self.count.add(1, attributes);
        }
        let [sheddable, sheddable_plus, critical, critical_plus] = &self.answers;
        let answers = match class {
            Criticality::Sheddable => sheddable,
            Criticality::SheddablePlus => sheddable_plus,
            Criticality::Critical => critical,
            Criticality::CriticalPlus => critical_plus,
        };
        &answers[self.turn.fetch_add(STRIDE, Ordering::Relaxed) % TIMES]
    }
}

fn answer(after: Duration) -> Answer {
    let error = Error::unavailable("OVERLOADED", "too much to do at the moment").retry_after(after);
    let mut status = to_status(error);
    let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    status.metadata_mut().insert(PUSHBACK, MetadataValue::from(millis));
    let headers = std::mem::take(status.clone().into_http::<()>().headers_mut());
    Answer { status, headers }
}

#[cfg(test)]
mod tests;
