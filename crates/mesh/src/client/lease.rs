//! One attempt at one endpoint: entered when it is picked, left when its answer has ended, judged in between.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use kvartal_contract::{Idempotency, Method};
use tokio::time::Instant;

use super::balancer::{Balancer, Dropped};
use super::connect;
use super::endpoint::Endpoint;
use super::gate::{Asks, Pass, Verdict};
use super::load::PENALTY;
use super::pace::{Answer, Beside};
use super::patience::Patience;
use crate::service::Request;

/// What an endpoint that sheds load seems to take for a while: the others are asked first.
const OVERLOADED: Duration = Duration::from_millis(100);

/// What is wanted of an endpoint.
#[derive(Clone)]
pub(crate) struct Want {
    /// Whether the call may be sent twice.
    pub(crate) repeatable: bool,
    /// Whether the answer is a stream.
    pub(crate) stream: bool,
    /// The method, where its answers can be compared.
    pub(crate) method: Option<&'static Method>,
    /// When the answer must be there.
    pub(crate) deadline: Instant,
    /// When it is no longer waited for: the deadline, or a little later where the service shall be the one to say so.
    pub(crate) cut: Instant,
    /// What answers usually take.
    pub(crate) patience: Arc<Patience>,
}

impl Want {
    /// For a request that is no RPC. It counts as a stream: its answer may be long, and its time says little.
    pub(crate) fn page(patience: &Arc<Patience>, deadline: Instant) -> Self {
        let patience = Arc::clone(patience);
        Self { repeatable: false, stream: true, method: None, deadline, cut: deadline, patience }
    }

    /// For a call of `method` that must be answered by `deadline`. Only what is idempotent by contract, and no stream, may
    /// be sent twice.
    pub(crate) fn of(method: &'static Method, patience: &Arc<Patience>, deadline: Instant) -> Self {
        let stream = method.server_streaming;
        let idempotent = matches!(method.idempotency, Idempotency::Idempotent | Idempotency::NoSideEffects);
        let patience = Arc::clone(patience);
        let repeatable = idempotent && !stream;
        Self { repeatable, stream, method: (!stream).then_some(method), deadline, cut: deadline, patience }
    }
}

/// An attempt. Dropped without a verdict, it was cancelled, which says nothing of the endpoint.
pub(crate) struct Lease {
    balancer: Arc<Balancer>,
    pub(super) endpoint: Arc<Endpoint>,
    slot: usize,
    pass: Pass,
    stream: bool,
    method: Option<&'static Method>,
    began: Instant,
    deadline: Instant,
    patience: Arc<Patience>,
    limited: bool,
    judged: bool,
    /// What the head of a stream took: the time to its first message is no sign of anything.
    head_took: Option<Duration>,
    /// Its endpoint has been judged for being silent.
    suspected: bool,
}

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It never left; here it is again.
    Unsent(Box<Request>),
    /// The server says that it did not touch it.
    Refused,
    /// Nobody knows whether it arrived.
    Broken(String),
}

impl Lease {
    pub(super) fn enter(
        balancer: &Arc<Balancer>,
        endpoint: Arc<Endpoint>,
        asks: Asks,
        want: &Want,
        now: Instant,
    ) -> Option<Self> {
        let (pass, slot) = endpoint.enter(asks, want.stream, now)?;
        let (balancer, patience) = (Arc::clone(balancer), Arc::clone(&want.patience));
        let (stream, method, deadline) = (want.stream, want.method, want.deadline);
        let (limited, judged, head_took, suspected) = (false, false, None, false);
        Some(Self {
            balancer,
            endpoint,
            slot,
            pass,
            stream,
            method,
            began: now,
            deadline,
            patience,
            limited,
            judged,
            head_took,
            suspected,
        })
    }

    /// Takes one of the service's places as well, if there is one.
    pub(super) fn within_limit(mut self) -> Result<Self, Dropped> {
        self.limited = self.balancer.counters.enter(self.stream, &self.balancer.options);
        if self.limited { Ok(self) } else { Err(Dropped::Limit) }
    }

    /// When its endpoint was picked.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Whether its endpoint has been found silent.
    pub(super) fn is_suspected(&self) -> bool {
        self.suspected
    }

    /// When to ask [`Self::is_suspicious`] next.
    pub(super) fn doubt_at(&self, now: Instant) -> Instant {
        let limit = self.began + self.patience.limit();
        // Answers of others may have shortened the limit by the next look.
        if limit > now { limit.min(now + super::patience::SHORTEST) } else { now + super::patience::SHORTEST }
    }

    /// Sends a request. The future does not borrow the lease.
    pub(super) fn send(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<http::Response<Incoming>, Failure>> + Send + use<> {
        let sender = self.endpoint.sender(self.slot);
        let (scheme, authority) = (self.endpoint.scheme.clone(), self.endpoint.authority.clone());
        async move {
            let Some(sender) = sender else { return Err(Failure::Unsent(Box::new(request))) };
            let (mut parts, body) = request.into_parts();
            let mut uri = std::mem::take(&mut parts.uri).into_parts();
            (uri.scheme, uri.authority) = (Some(scheme), Some(authority));
            uri.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
            parts.uri = Uri::from_parts(uri).map_err(|error| Failure::Broken(error.to_string()))?;
            let mut sender = (*sender).clone();
            sender.try_send_request(Request::from_parts(parts, body)).await.map_err(|mut error| {
                match error.take_message() {
                    Some(request) => Failure::Unsent(Box::new(request)),
                    None if is_untouched(error.error()) => Failure::Refused,
                    None => Failure::Broken(connect::chain(error.error())),
                }
            })
        }
    }

    /// The head of an answer is there.
    pub(super) fn begins(&mut self) {
        if self.stream {
            let now = Instant::now();
            self.head_took = Some(now.saturating_duration_since(self.began));
            self.endpoint.health().answered = Some(now);
        }
    }

    /// Judges the endpoint by this attempt; only the first verdict counts, except that success takes a suspicion back.
    pub(super) fn judge(&mut self, verdict: Verdict, error: Option<&str>) {
        if std::mem::replace(&mut self.judged, true) {
            return;
        }
        let now = Instant::now();
        let took = self.head_took.unwrap_or_else(|| now.saturating_duration_since(self.began));
        match verdict {
            Verdict::Good | Verdict::Slow => {
                self.balancer.budget.succeeded();
                self.patience.answered(took);
            }
            Verdict::Broken | Verdict::Silent | Verdict::Faulty => {
                if let Some(error) = error {
                    self.endpoint.note(error.to_owned());
                }
            }
            Verdict::Overloaded | Verdict::Nothing => {}
        }
        if self.suspected {
            if verdict == Verdict::Good {
                let mut health = self.endpoint.health();
                health.gate.retract(now);
                health.answered = Some(now);
            }
            return;
        }
        self.record(verdict, took, now);
    }

    fn record(&self, verdict: Verdict, took: Duration, now: Instant) {
        let verdict = if verdict == Verdict::Good { self.compare(took, now) } else { verdict };
        let (spare, chance) = (self.balancer.can_spare(), self.balancer.chance.unit());
        let mut health = self.endpoint.health();
        let moved = health.gate.record(self.pass, verdict, spare, now, chance);
        match verdict {
            Verdict::Good | Verdict::Slow => {
                if moved && verdict == Verdict::Good {
                    health.load.forgive();
                }
                health.load.measured(took, now);
                health.answered = Some(now);
            }
            Verdict::Silent => health.load.penalize(PENALTY, now),
            Verdict::Broken | Verdict::Faulty => {
                let share = health.gate.failed_share(now);
                health.load.failed(share, now);
            }
            Verdict::Overloaded => {
                health.load.penalize(OVERLOADED, now);
                health.answered = Some(now);
            }
            Verdict::Nothing => {}
        }
        if moved {
            if verdict == Verdict::Slow {
                health.last_error = Some("its answers take many times as long as those of others".to_owned());
            }
            health.since = self.balancer.clock.now();
            let state = health.gate.state();
            drop(health);
            tracing::info!(service = self.balancer.service, endpoint = %self.endpoint.address, ?state, "a gate moved");
            self.balancer.moved();
        }
    }

    /// A good answer beside those of the other endpoints: one that is slow is as bad as none when it is the last of many,
    /// or of an endpoint on probation.
    fn compare(&self, took: Duration, now: Instant) -> Verdict {
        let Some(method) = self.method else { return Verdict::Good };
        let answer = Answer { method, sent: self.began, took };
        let mut health = self.endpoint.health();
        health.pace.answered(&answer);
        if health.pace.is_quick(&answer) {
            return Verdict::Good;
        }
        drop(health);
        let endpoints = self.balancer.endpoints();
        let others = endpoints.iter().filter(|other| !Arc::ptr_eq(other, &self.endpoint));
        let beside = Beside::most(others.map(|other| other.health().pace.beside(&answer)));
        let too_many = self.endpoint.health().pace.compared(beside, now);
        let on_probation = self.pass == Pass::Probe && beside == Beside::Slow;
        if too_many || on_probation { Verdict::Slow } else { Verdict::Good }
    }

    /// A server asked to be left alone.
    pub(super) fn push_back(&self, pause: Duration) {
        self.endpoint.health().load.penalize(pause, Instant::now());
    }

    /// Whether the endpoint is silent while others answer: the attempt has waited longer than answers take, the endpoint has
    /// answered nobody for as long, and others just have. A service that is slow as a whole is not suspicious, nor is an
    /// endpoint that is slow with one call and answers others. The first time, the endpoint is judged for it.
    pub(super) fn is_suspicious(&mut self, now: Instant) -> bool {
        let limit = self.patience.limit();
        if !self.is_silent(limit, now) {
            return false;
        }
        let since = now.checked_sub(limit / 2).unwrap_or(self.began);
        let answers = |other: &Endpoint| other.health().answered.is_some_and(|at| at >= since);
        let outdone = self.balancer.endpoints().iter().any(|other| answers(other));
        if outdone {
            self.suspect(now);
        }
        outdone
    }

    /// Whether its endpoint is silent and nobody asks another one, so that it cannot be told whether the service is slow. Who
    /// may, asks another one then: under little load every call would else wait for its deadline.
    pub(super) fn is_alone(&self, now: Instant) -> bool {
        let endpoints = self.balancer.endpoints();
        let mut others = endpoints.iter().filter(|other| !Arc::ptr_eq(other, &self.endpoint));
        self.is_silent(self.patience.limit(), now) && others.all(|other| other.pending(self.stream) == 0)
    }

    /// The attempt was given up, and another endpoint has answered at once.
    pub(super) fn outdone(mut self) {
        let now = Instant::now();
        if self.is_silent(self.patience.limit(), now) {
            self.suspect(now);
        }
    }

    fn is_silent(&self, limit: Duration, now: Instant) -> bool {
        let answered = self.endpoint.health().answered;
        now >= self.began + limit && answered.is_none_or(|at| now >= at + limit)
    }

    fn suspect(&mut self, now: Instant) {
        if self.judged || std::mem::replace(&mut self.suspected, true) {
            return;
        }
        self.endpoint.note("it does not answer".to_owned());
        self.record(Verdict::Silent, now.saturating_duration_since(self.began), now);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.judged {
            let now = Instant::now();
            if now >= self.deadline && self.is_silent(self.patience.limit(), now) {
                // Not cancelled: waited for in vain until the deadline, while the endpoint answered nobody.
                self.suspect(now);
            }
            self.judge(Verdict::Nothing, None);
        }
        if self.limited {
            self.balancer.counters.leave(self.stream);
        }
        if self.endpoint.leave(self.slot, self.stream) {
            self.balancer.changed();
        }
    }
}

/// Whether the server promised that it did not process the request: a refused stream, or one beyond the last that a server
/// going away still takes.
fn is_untouched(error: &hyper::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return match error.reason() {
                Some(h2::Reason::REFUSED_STREAM) => error.is_reset() && error.is_remote(),
                Some(h2::Reason::NO_ERROR) => error.is_go_away() && error.is_remote(),
                _ => false,
            };
        }
        cause = error.source();
    }
    false
}
