//! One call on its way through the stack.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;
use kvartal_contract::Method;
use kvartal_kernel::{Actor, Caller, Error, Kind};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt as _;
use tracing::{Instrument as _, Span};

use super::body::{AnswerBody, Deadline, StreamWatch};
use super::{Entry, Shell, Target, admit, guard};
use crate::audit::CallRecord;
use crate::auth::Identity;
use crate::metrics::Observation;
use crate::service::{BoxFuture, Handle, Request, Response};
use crate::status::{INTERNAL_MESSAGE, code_name, internal, refusal, to_status, too_late};
use crate::{Criticality, criticality, deadline, trace};

/// Longest wait for the record of an audited call.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How tonic begins to tell of a message over the service's own limit. Other statuses of that code are the handler's.
const OVER_LIMIT: &str = "Error, decoded message length too large";

impl Handle for Shell {
    fn handle(self: Arc<Self>, request: Request) -> BoxFuture<Response> {
        // The time that the call waits for its turn on a busy processor counts as well.
        let arrived = Instant::now();
        Box::pin(self.answer(Box::new(request), arrived))
    }
}

/// A place among the calls and streams that are open; given back when dropped.
pub(crate) struct Place {
    shell: Arc<Shell>,
    stream: bool,
}

impl Place {
    fn take(shell: &Arc<Shell>, stream: bool) -> Option<Self> {
        let (open, most) = shell.open(stream);
        if open.fetch_add(1, Ordering::Relaxed) >= most {
            open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self { shell: Arc::clone(shell), stream })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shell.open(self.stream).0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a call holds until its body has ended: a place, and the attention of whoever waits for calls at shutdown.
pub(crate) struct Held {
    _place: Place,
    _tracked: TaskTrackerToken,
}

/// An answer whose body is still to come.
struct Begun {
    response: Response,
    deadline: Deadline,
    stream: Option<StreamWatch>,
    held: Held,
}

/// A call that ends without reaching its handler's answer.
struct Stopped {
    status: Status,
    /// Whether an audited method records it. Calls that come too often are not recorded: the record would become the
    /// target of the flood.
    recorded: bool,
}

impl From<Status> for Stopped {
    fn from(status: Status) -> Self {
        Self { status, recorded: true }
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        to_status(error).into()
    }
}

impl Shell {
    /// The request is boxed, here and in what this calls: each of these futures would otherwise hold a place for it, and all
    /// of them together would be too large for what allocators keep at hand.
    async fn answer(self: Arc<Self>, request: Box<Request>, arrived: Instant) -> Response {
        let Some(entry) = self.methods.get(request.uri().path()) else {
            self.unknown.count(Code::Unimplemented);
            let unknown = || refusal(Code::Unimplemented, "UNKNOWN_METHOD", "there is no such method").into_http();
            return guard::refuse(&request).unwrap_or_else(unknown);
        };
        if let Some(response) = guard::refuse(&request) {
            entry.measured.count(Code::Unimplemented);
            return response;
        }
        if let Some(response) = self.turn_away(entry, &request) {
            return response;
        }
        let mut observation = Observation::start(Arc::clone(&entry.measured));
        trace::adopt(observation.span(), request.headers());
        let span = observation.span().clone();
        let call = self.call(entry.target, request, arrived, span.clone()).instrument(span);
        let outcome = match AssertUnwindSafe(call).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(panicked(panic.as_ref())),
        };
        match outcome {
            Ok(Begun { response, deadline, stream, held }) => {
                response.map(|body| Body::new(AnswerBody::new(body, observation, deadline, stream, held)))
            }
            Err(status) => {
                observation.end(status.code());
                status.into_http()
            }
        }
    }

    /// Turns a call away that has no chance, before it costs anything: without a span, for a flood of calls must not become
    /// a flood of traces. What the call claims to be worth is believed here and verified before it gets a place.
    fn turn_away(&self, entry: &Entry, request: &Request) -> Option<Response> {
        let Target { method, number } = entry.target;
        let class = admit::criticality(request.headers(), || admit::claims_service(request), method);
        let (open, most) = self.open(method.server_streaming);
        let full = open.load(Ordering::Relaxed) >= most;
        if !full && (method.server_streaming || !self.gate.is_closed(number, class)) {
            return None;
        }
        if full && !method.server_streaming {
            self.gate.refuse(class);
        }
        entry.measured.count(Code::Unavailable);
        Some(self.shed.turn_away(method, class))
    }

    async fn call(
        self: &Arc<Self>,
        target: Target,
        request: Box<Request>,
        arrived: Instant,
        span: Span,
    ) -> Result<Begun, Status> {
        let method = target.method;
        let asked = deadline::read(request.headers())
            .map_err(|_| refusal(Code::InvalidArgument, "TIMEOUT_MALFORMED", "grpc-timeout is malformed"))?;
        let limit = asked.map_or(method.deadline, |asked| asked.min(method.deadline));
        let deadline = Deadline { at: arrived + limit, asked: asked.is_some_and(|asked| asked < method.deadline) };
        if deadline.is_over() {
            return Err(too_late());
        }
        let place = Place::take(self, method.server_streaming);
        let place = place.ok_or_else(|| self.shed.refuse(method, method.criticality))?;
        let held = Held { _place: place, _tracked: self.stack.calls.token() };
        let work = Arc::clone(self).work(target, request, deadline, held, span.clone());
        if !method.audit {
            return work.await;
        }
        // An audited call runs to its end and is recorded even when the client goes away in the middle. The task can only be
        // missing when the runtime is going down.
        let task = self.stack.calls.spawn(work.instrument(span));
        task.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => Err(panicked(panic.as_ref())),
            Err(_) => Err(to_status(Error::unavailable("SHUTTING_DOWN", "the service is going down"))),
        })
    }

    async fn work(
        self: Arc<Self>,
        target: Target,
        mut request: Box<Request>,
        deadline: Deadline,
        held: Held,
        span: Span,
    ) -> Result<Begun, Status> {
        let method = target.method;
        let mut caller = admit::caller_of_nobody(&mut request);
        let through = timeout_at(deadline.at, self.through(target, request, &mut caller, deadline, &span)).await;
        let outcome = through.unwrap_or_else(|_| Err(Stopped { status: too_late(), recorded: true }));
        let recorded = outcome.as_ref().map_or_else(|stopped| stopped.recorded, |_| true);
        let outcome = outcome.map_err(|stopped| stopped.status);
        if method.audit && recorded {
            let code = outcome.as_ref().map_or_else(Status::code, |_| Code::Ok);
            self.record(method, &caller, code).await?;
        }
        let (response, identity) = outcome?;
        let stream = method.server_streaming.then(|| StreamWatch::new(&self.stack, identity));
        Ok(Begun { response, deadline, stream, held })
    }

    /// Lets the call through to its handler, or not.
    async fn through(
        &self,
        target: Target,
        mut request: Box<Request>,
        caller: &mut Caller,
        deadline: Deadline,
        span: &Span,
    ) -> Result<(Response, Identity), Stopped> {
        let method = target.method;
        let too_often = |error| Stopped { status: to_status(error), recorded: false };
        let identity = match admit::authenticate(&self.stack, &mut request, caller).await {
            Ok(identity) => identity,
            Err(error) if error.kind() == Kind::ResourceExhausted => return Err(too_often(error)),
            Err(error) => {
                // Guessing tokens counts against the address.
                admit::count(&self.stack, method, caller).await.map_err(too_often)?;
                return Err(error.into());
            }
        };
        caller.actor = identity.actor.clone();
        if !span.is_disabled() && identity.actor != Actor::Anonymous {
            span.record("enduser.id", caller.actor_id());
        }
        let allowed = admit::authorize(self.stack.contract, method, &identity.actor);
        // Calls that are denied count too, so that nobody can fill the audit record with them.
        admit::count(&self.stack, method, caller).await.map_err(too_often)?;
        allowed?;
        // Only the record needs it beside the handler.
        let known = if method.audit { caller.clone() } else { std::mem::replace(caller, Caller::anonymous()) };
        request.extensions_mut().insert(known);
        request.extensions_mut().insert(method);
        let from_service = || matches!(identity.actor, Actor::Service { .. });
        let class = admit::criticality(request.headers(), from_service, method);
        guard::receive(&mut request, self.stack.limits.message_bytes_max).await.map_err(presentable)?;
        let response = self.handle(target, class, request, deadline).await?;
        Ok((response, identity))
    }

    /// Runs the handler, in a place of its own among the calls that are worked on. The place is taken when the message is
    /// here and given back when the handler has answered: slow clients hold up neither others nor the measuring.
    async fn handle(
        &self,
        target: Target,
        class: Criticality,
        request: Box<Request>,
        deadline: Deadline,
    ) -> Result<Response, Stopped> {
        let permit = if target.method.server_streaming {
            None
        } else {
            let permit = self.gate.enter(target.number, class, deadline.at).await;
            // Refusals are not recorded: the record would become the target of the flood.
            let refused = || Stopped { status: self.shed.refuse(target.method, class), recorded: false };
            Some(permit.ok_or_else(refused)?)
        };
        if deadline.is_over() {
            return Err(too_late().into());
        }
        let handler = AssertUnwindSafe(self.routes.clone().oneshot(*request)).catch_unwind();
        let response = match criticality::within(class, deadline::within(deadline.at, handler)).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => return Err(panicked(panic.as_ref()).into()),
        };
        if let Some(status) = refused(&response) {
            return Err(presentable(status).into());
        }
        if let Some(permit) = permit {
            permit.answered();
        }
        Ok(response)
    }

    /// Records an audited call. What succeeded but cannot be recorded is not answered with success.
    async fn record(&self, method: &Method, caller: &Caller, code: Code) -> Result<(), Status> {
        let session_id = match caller.actor {
            Actor::User { session, .. } => session.to_string(),
            _ => String::new(),
        };
        let record = CallRecord {
            method: method.path.clone(),
            actor_id: caller.actor_id(),
            session_id,
            outcome: code_name(code).to_owned(),
            address: caller.address.clone(),
        };
        let kept = match timeout(AUDIT_TIMEOUT, self.stack.audit.record(record)).await {
            Ok(kept) => kept,
            Err(_) => Err(Error::internal("the audit record took too long")),
        };
        let Err(error) = kept else { return Ok(()) };
        tracing::error!(error = error.chain(), method = method.path, "an audited call could not be recorded");
        if code == Code::Ok {
            return Err(to_status(Error::unavailable("AUDIT_UNAVAILABLE", "the call could not be recorded")));
        }
        Ok(())
    }
}

/// The status of a response without messages; `None` for one that begins well.
fn refused(response: &Response) -> Option<Status> {
    if let Some(status) = response.extensions().get::<Status>() {
        return Some(status.clone());
    }
    if response.headers().contains_key(Status::GRPC_STATUS) {
        return Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
    }
    let answered = response.status() == http::StatusCode::OK;
    (!answered).then(|| refusal(Code::Unimplemented, "UNKNOWN_METHOD", "there is no such method"))
}

/// A handler's status as it may leave the house.
pub(crate) fn presentable(status: Status) -> Status {
    match status.code() {
        Code::Internal | Code::Unknown | Code::DataLoss if status.message() != INTERNAL_MESSAGE => {
            tracing::error!(code = code_name(status.code()), message = status.message(), "a handler failed");
            internal()
        }
        Code::OutOfRange if status.message().starts_with(OVER_LIMIT) => guard::too_large(),
        _ => status,
    }
}

/// The answer to a panic: logged, and nothing of it leaves the house.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Status {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message.unwrap_or("no message"), "a call panicked");
    internal()
}
