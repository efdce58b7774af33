//! One call, with as many attempts as it needs and may have.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use kvartal_kernel::Error;
use tokio::time::{Instant, sleep_until};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument as _;

use super::backoff::{self, Pushback};
use super::balancer::{Balancer, Dropped};
use super::connect;
use super::endpoint::Endpoint;
use super::gate::Verdict;
use super::lease::{Failure, Lease, Want};
use super::replay::Replay;
use super::reply::{self, AttemptBody};
use crate::service::{Request, Response};
use crate::status::too_late;
use crate::{Criticality, code_name, deadline, to_status, trace};

/// Most attempts of a call.
pub(crate) const ATTEMPTS_MAX: u32 = 3;
/// How often a call asks for a retry when the budget is spent.
const BUDGET_ASKED_MAX: u32 = 5;
/// Most connections that may turn out to be closed just as a call is handed to them.
pub(super) const UNSENT_MAX: u32 = 5;

/// Makes a call on one of the service's endpoints.
pub(crate) async fn call(
    balancer: &Arc<Balancer>,
    criticality: Criticality,
    mut want: Want,
    request: Box<Request>,
) -> Result<Response, Status> {
    let began = Instant::now();
    if !balancer.throttle.admits(criticality, began, balancer.chance.unit()) {
        balancer.counters.throttle(criticality);
        return Err(unavailable("THROTTLED", format!("the service {} refuses too many calls", balancer.service)));
    }
    let mut admitted = Admitted { balancer, criticality, refused: false };
    balancer.budget.call(began);
    let replay = Replay::read(request).await?;
    want.repeatable &= replay.is_kept();
    let mut call =
        Call { balancer, want, replay, tried: Vec::new(), accused: None, retries: 0, unsent: 0, refused: false };
    let (response, verdict) = call.run().await?;
    admitted.refused = verdict == Verdict::Overloaded;
    Ok(response)
}

/// A call that the throttle has let through: what the service did not refuse for its load, it took. So it is with a call
/// that was cancelled or not even sent, of which nobody knows.
struct Admitted<'a> {
    balancer: &'a Balancer,
    criticality: Criticality,
    refused: bool,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.balancer.throttle.ended(self.criticality, self.refused, Instant::now());
    }
}

struct Call<'a> {
    balancer: &'a Arc<Balancer>,
    want: Want,
    replay: Replay,
    /// Endpoints that failed.
    tried: Vec<Arc<Endpoint>>,
    /// An attempt that was given up though nobody knew whether its endpoint is silent or the service is slow.
    accused: Option<Lease>,
    retries: u32,
    unsent: u32,
    refused: bool,
}

/// How an attempt went.
enum Outcome {
    /// The caller gets this; nothing is sent again from here on.
    Answer(Response, Verdict),
    /// A refusal before anything of an answer.
    Refusal(Response, Verdict, Pushback),
    /// No answer.
    Failure(Failure),
    /// No answer in usual time, and another endpoint is ready.
    GivenUp(Lease),
    /// No answer in time.
    TooLate,
}

impl Call<'_> {
    async fn run(&mut self) -> Result<(Response, Verdict), Status> {
        let mut lease = self.balancer.acquire(&self.want).await.map_err(|why| dropped(self.balancer, why))?;
        loop {
            let request = self.replay.request(self.retries)?;
            let endpoint = Arc::clone(&lease.endpoint);
            let outcome = self.attempt(lease, request).await;
            let next = match &outcome {
                Outcome::Answer(..) | Outcome::TooLate => None,
                Outcome::GivenUp(_) => {
                    self.retried(endpoint);
                    None
                }
                Outcome::Refusal(_, _, pushback) => self.retry(endpoint, *pushback).await,
                Outcome::Failure(Failure::Broken(_)) => self.retry(endpoint, Pushback::None).await,
                Outcome::Failure(Failure::Refused) => self.again(endpoint),
                Outcome::Failure(Failure::Unsent(_)) => None,
            };
            lease = match (outcome, next) {
                (Outcome::Answer(response, verdict), _) => {
                    if let Some(accused) = self.accused.take().filter(|_| verdict == Verdict::Good) {
                        accused.outdone();
                    }
                    return Ok((response, verdict));
                }
                (Outcome::TooLate, _) => return Err(too_late()),
                (Outcome::GivenUp(next), _) | (_, Some(next)) => next,
                (Outcome::Failure(Failure::Unsent(request)), None) => self.resend(*request).await?,
                (Outcome::Refusal(response, verdict, _), None) => return Ok((response, verdict)),
                (Outcome::Failure(Failure::Broken(error)), None) => return Err(failed(self.balancer, &error)),
                (Outcome::Failure(Failure::Refused), None) => {
                    return Err(failed(self.balancer, "the stream was refused"));
                }
            };
        }
    }

    /// Sends the request and waits for the beginning of an answer. While it waits, its endpoint may become suspicious; then
    /// the call moves on if it may, and else stays where it is: a slow answer is better than none. At the deadline of the
    /// call it ends.
    async fn attempt(&mut self, mut lease: Lease, mut request: Request) -> Outcome {
        let mut now = lease.began();
        deadline::write(request.headers_mut(), self.want.deadline.saturating_duration_since(now));
        let span = self.span(&lease);
        trace::inject(&span, request.headers_mut());
        let beginning = begin(lease.send(request), self.want.repeatable).instrument(span);
        tokio::pin!(beginning);
        let begun = loop {
            // One timer for both: it is set and taken back with every call.
            let doubt = lease.doubt_at(now).min(self.want.cut);
            tokio::select! {
                biased;
                begun = &mut beginning => break begun,
                () = sleep_until(doubt) => {
                    now = Instant::now();
                    if now >= self.want.cut {
                        return Outcome::TooLate;
                    }
                    if let Some(next) = self.give_up(&mut lease, now) {
                        self.accused = Some(lease);
                        return Outcome::GivenUp(next);
                    }
                }
            }
        };
        match begun {
            Err(failure) => {
                match &failure {
                    Failure::Broken(error) => lease.judge(Verdict::Broken, Some(error)),
                    // The server moves on or has no room; that is for the connection to deal with.
                    Failure::Refused | Failure::Unsent(_) => lease.judge(Verdict::Nothing, None),
                }
                Outcome::Failure(failure)
            }
            Ok(begun) => self.judge(lease, begun),
        }
    }

    fn judge(&self, mut lease: Lease, begun: Begun) -> Outcome {
        let Some(code) = begun.code() else {
            // It goes on; the body decides.
            lease.begins();
            let Begun { head, body, first } = begun;
            let body = body.map(|body| Body::new(AttemptBody::new(body, first, lease, self.want.stream)));
            return Outcome::Answer(Response::from_parts(head, body.unwrap_or_default()), Verdict::Good);
        };
        let response = begun.only_trailers();
        let verdict = reply::verdict(code, response.headers());
        lease.judge(verdict, Some(code_name(code)));
        if code != Code::Unavailable {
            return Outcome::Answer(response, verdict);
        }
        let pushback = Pushback::read(response.headers());
        if let Pushback::After(pause) = pushback {
            lease.push_back(pause);
        }
        Outcome::Refusal(response, verdict, pushback)
    }

    /// A retry of a call that failed at `endpoint`: after a pause, within the budget, and only where an endpoint is ready at
    /// that moment.
    async fn retry(&mut self, endpoint: Arc<Endpoint>, pushback: Pushback) -> Option<Lease> {
        self.balancer.budget.failed();
        if !self.want.repeatable || self.retries + 1 >= ATTEMPTS_MAX || pushback == Pushback::Stop {
            return None;
        }
        let mut earliest = match pushback {
            Pushback::After(pause) => Instant::now() + pause,
            _ => Instant::now(),
        };
        self.tried.push(endpoint);
        // When an endpoint breaks under load, many calls fail at once and spend the budget in that instant. Those that come
        // too late ask again after longer pauses: by then the successes of the others have filled it, or it stays empty.
        for asked in 1..=BUDGET_ASKED_MAX {
            let pause = backoff::before_retry(self.retries + asked, self.balancer.chance.unit());
            let at = earliest.max(Instant::now() + pause);
            if at >= self.want.deadline {
                return None;
            }
            sleep_until(at).await;
            earliest = at;
            let lease = self.balancer.pick(&self.want, &self.tried, at)?;
            if self.balancer.budget.withdraw(at) {
                let lease = lease.within_limit().ok()?;
                self.retries += 1;
                self.balancer.counters.retry();
                return Some(lease);
            }
        }
        None
    }

    /// Another endpoint for a call whose own is silent, if it may have one.
    fn give_up(&mut self, lease: &mut Lease, now: Instant) -> Option<Lease> {
        let known = lease.is_suspected();
        let suspicious = lease.is_suspicious(now);
        if !suspicious && !lease.is_alone(now) {
            return None;
        }
        if suspicious && !known {
            self.balancer.budget.failed();
        }
        if !self.want.repeatable || self.retries + 1 >= ATTEMPTS_MAX {
            return None;
        }
        self.tried.push(Arc::clone(&lease.endpoint));
        let next = self.balancer.pick(&self.want, &self.tried, now);
        self.tried.pop();
        let next = next.filter(|next| !Arc::ptr_eq(&next.endpoint, &lease.endpoint))?;
        if self.balancer.budget.withdraw(now) { next.within_limit().ok() } else { None }
    }

    fn retried(&mut self, endpoint: Arc<Endpoint>) {
        self.tried.push(endpoint);
        self.retries += 1;
        self.balancer.counters.retry();
    }

    /// A further attempt, at once, of a call that the server promised not to have touched; such a promise is believed once.
    fn again(&mut self, endpoint: Arc<Endpoint>) -> Option<Lease> {
        if !self.replay.is_kept() || std::mem::replace(&mut self.refused, true) {
            return None;
        }
        self.tried.push(endpoint);
        self.balancer.pick(&self.want, &self.tried, Instant::now())?.within_limit().ok()
    }

    /// A connection for a request that has not left yet: as if it came now.
    async fn resend(&mut self, request: Request) -> Result<Lease, Status> {
        self.unsent += 1;
        if self.unsent >= UNSENT_MAX {
            return Err(failed(self.balancer, "connections close as soon as they are used"));
        }
        self.replay.unsent(request);
        self.balancer.acquire(&self.want).await.map_err(|why| dropped(self.balancer, why))
    }

    /// The first attempt runs in the span of the call; each further one has its own below it.
    fn span(&self, lease: &Lease) -> tracing::Span {
        if self.retries == 0 {
            let span = tracing::Span::current();
            if !span.is_disabled() {
                span.record("server.address", tracing::field::display(&lease.endpoint.address));
            }
            return span;
        }
        tracing::info_span!(
            target: "kvartal::rpc",
            "retry",
            otel.kind = "client",
            rpc.system = "grpc",
            rpc.grpc.retry = self.retries,
            server.address = %lease.endpoint.address,
        )
    }
}

/// The status of a call that got no endpoint.
pub(super) fn dropped(balancer: &Balancer, dropped: Dropped) -> Status {
    balancer.counters.drop(dropped);
    let service = &balancer.service;
    match dropped {
        Dropped::FailFast => unavailable("NO_ENDPOINT_READY", format!("no endpoint of the service {service} is ready")),
        Dropped::QueueFull => unavailable("TOO_MANY_WAIT", format!("too many calls wait for the service {service}")),
        Dropped::Limit => unavailable("TOO_MANY_CALLS", format!("too many calls of the service {service} are running")),
    }
}

/// The status of a call that nobody answered.
pub(super) fn failed(balancer: &Balancer, error: &str) -> Status {
    tracing::debug!(error, service = balancer.service, "a call did not get through");
    unavailable("SERVICE_UNAVAILABLE", format!("the service {} does not answer", balancer.service))
}

fn unavailable(reason: &'static str, message: String) -> Status {
    to_status(Error::unavailable(reason, message))
}

/// The status of an answer that broke off.
pub(super) fn broken(error: &str) -> Status {
    tracing::debug!(error, "an answer broke off");
    unavailable("SERVICE_UNAVAILABLE", "the answer broke off".to_owned())
}

/// The beginning of an answer.
struct Begun {
    head: http::response::Parts,
    /// `None` when it has ended.
    body: Option<Incoming>,
    first: Option<Frame<Bytes>>,
}

/// Waits for the head of an answer and, where it may still be thrown away, for its first frame: an error that comes before
/// any message is then no different from one in the head.
async fn begin(
    sent: impl Future<Output = Result<http::Response<Incoming>, Failure>>,
    look_ahead: bool,
) -> Result<Begun, Failure> {
    let (head, mut body) = sent.await?.into_parts();
    let ended = reply::code(&head.headers).or_else(|| reply::foreign(head.status)).is_some();
    if ended || !look_ahead {
        return Ok(Begun { head, body: Some(body), first: None });
    }
    match body.frame().await {
        Some(Ok(frame)) => Ok(Begun { head, body: Some(body), first: Some(frame) }),
        Some(Err(error)) => Err(Failure::Broken(connect::chain(&error))),
        None => Ok(Begun { head, body: None, first: None }),
    }
}

impl Begun {
    /// The code, when nothing but it will come.
    fn code(&self) -> Option<Code> {
        let trailers = self.first.as_ref().and_then(Frame::trailers_ref);
        let headers = || reply::code(&self.head.headers).or_else(|| reply::foreign(self.head.status));
        trailers.map(|trailers| reply::code(trailers).unwrap_or(Code::Unknown)).or_else(headers).or_else(|| {
            // It ended without a status.
            self.body.is_none().then_some(Code::Unknown)
        })
    }

    /// The same answer with everything in its head.
    fn only_trailers(self) -> Response {
        let mut head = self.head;
        if let Some(trailers) = self.first.and_then(|frame| frame.into_trailers().ok()) {
            merge(&mut head.headers, trailers);
        }
        Response::from_parts(head, Body::empty())
    }
}

fn merge(headers: &mut HeaderMap, trailers: HeaderMap) {
    let mut last = None;
    for (name, value) in trailers {
        last = name.or(last);
        if let Some(name) = &last {
            headers.append(name, value);
        }
    }
}
