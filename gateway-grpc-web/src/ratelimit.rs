//! Envoy's rate-limit service: asked by every Envoy about every call, it counts for all of them together.
//!
//! Envoy's route for a method sends the domain [`DOMAIN`] and descriptors of two entries: `class` with the name of the
//! method's rate class, and who calls – `caller` (the account's id that [`crate::authz`] hands to Envoy, or an address),
//! `remote_address` or `masked_remote_address`, as Envoy names them itself. Where a caller is known, addresses beside it
//! are not counted: people behind one address do not use up each other's calls.
//!
//! The rates are those of the services, but the edge keeps books of its own: a call is counted once at the edge and once
//! by its service, against the same rate in different books, so that neither halves it. What the edge does not
//! understand it lets pass and counts in a metric: the services still enforce their contract.

mod answer;
mod descriptors;

use std::sync::Arc;
use std::time::Duration;

use kvartal_contract::RateClass;
use kvartal_kernel::{Error, Kind};
use kvartal_mesh::rate::{Count, Hit, Limiter, RateNumbers, class_name};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::protocol::envoy::service::ratelimit::v3::rate_limit_service_server::{
    RateLimitService, RateLimitServiceServer,
};
use crate::protocol::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use answer::Answer;
pub(crate) use answer::seconds;
use descriptors::Counted;

/// Whose limits these are: what Envoy's configuration calls the domain.
pub const DOMAIN: &str = "kvartal";

/// Largest question, in bytes.
const QUESTION_MAX: usize = 64 * 1024;
/// A caller that cannot be counted now is asked to come again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Counts the calls of all edges.
pub struct RateLimits {
    limiter: Arc<dyn Limiter>,
    numbers: RateNumbers,
    shadow: bool,
    decisions: Counter<u64>,
    duration: Histogram<f64>,
}

impl RateLimits {
    /// `numbers` are the limiter's own, for telling people. A shadow counts and never refuses.
    pub fn new(limiter: Arc<dyn Limiter>, numbers: RateNumbers, shadow: bool) -> Self {
        let meter = opentelemetry::global::meter("kvartal.gateway");
        Self {
            limiter,
            numbers,
            shadow,
            decisions: meter
                .u64_counter("kvartal.gateway.rate.decisions")
                .with_description("Descriptors by class and decision: allowed, refused, shadowed, passed_over, unknown")
                .build(),
            duration: meter
                .f64_histogram("kvartal.gateway.rate.duration")
                .with_description("Time to decide about a request")
                .with_unit("s")
                .build(),
        }
    }

    /// The gRPC service.
    pub fn server(self) -> RateLimitServiceServer<Self> {
        RateLimitServiceServer::new(self).max_decoding_message_size(QUESTION_MAX)
    }

    async fn decide(&self, counted: &[Counted]) -> RateLimitResponse {
        let named = counted.iter().filter_map(Counted::named);
        let hits: Vec<Hit<'_>> = named.map(|(class, key, hits)| Hit { class, key, hits }).collect();
        let counts = match hits.is_empty() {
            true => Ok(Vec::new()),
            false => self.limiter.take(&hits).await,
        };
        let refused = self.refusal(&hits, &counts);
        for (place, hit) in hits.iter().enumerate() {
            let over = match &counts {
                Ok(counts) => counts.get(place).is_some_and(|count| !count.allowed()),
                Err(_) => true,
            };
            self.note(
                class_name(hit.class),
                if !over {
                    "allowed"
                } else if self.shadow {
                    "shadowed"
                } else {
                    "refused"
                },
            );
        }
        let mut counts = counts.unwrap_or_else(|_| uncounted(&hits)).into_iter();
        let mut answer = Answer::new(&self.numbers, self.shadow);
        for counted in counted {
            match counted {
                Counted::Caller { class, .. } => answer.add(*class, counts.next()),
                Counted::PassedOver => {
                    self.note("none", "passed_over");
                    answer.pass();
                }
                Counted::Unknown => {
                    self.note("none", "unknown");
                    answer.pass();
                }
            }
        }
        answer.finish(refused)
    }

    /// What a refused caller is told; the longest wait counts.
    fn refusal(&self, hits: &[Hit<'_>], counts: &Result<Vec<Count>, Error>) -> Option<Error> {
        match counts {
            Err(error) => {
                tracing::debug!(error = error.chain(), "calls cannot be counted");
                let error =
                    Error::new(Kind::Unavailable, "RATE_UNAVAILABLE", "this cannot be allowed now; try again soon");
                Some(error.retry_after(AGAIN))
            }
            Ok(counts) => {
                let over = hits.iter().zip(counts).filter(|(_, count)| !count.allowed());
                let (hit, count) = over.max_by_key(|(_, count)| count.wait)?;
                Some(kvartal_mesh::rate::limited(hit.class, count.wait))
            }
        }
    }

    fn note(&self, class: &'static str, decision: &'static str) {
        self.decisions.add(1, &[KeyValue::new("class", class), KeyValue::new("decision", decision)]);
    }
}

/// Without books everybody has to wait, or only those whose guessing would pay, if there are such.
fn uncounted(hits: &[Hit<'_>]) -> Vec<Count> {
    let guessing = hits.iter().any(|hit| hit.class == RateClass::Sensitive);
    let waits = |hit: &Hit<'_>| !guessing || hit.class == RateClass::Sensitive;
    let wait = |hit| if waits(hit) { AGAIN } else { Duration::ZERO };
    hits.iter().map(|hit| Count { wait: wait(hit), left: 0, reset: AGAIN }).collect()
}

#[tonic::async_trait]
impl RateLimitService for RateLimits {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let began = Instant::now();
        let answer = self.decide(&descriptors::read(request.get_ref())).await;
        self.duration.record(began.elapsed().as_secs_f64(), &[]);
        Ok(Response::new(answer))
    }
}

#[cfg(test)]
mod tests;
