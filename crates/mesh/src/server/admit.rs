//! Who is let in: authentication, authorization by contract, rate.

use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use kvartal_contract::{Access, Contract, Method, RateClass};
use kvartal_kernel::{Actor, Caller, Error, Kind, Timestamp};

use super::Stack;
use crate::auth::{Identity, MESH_HEADER, Verifier, bad_token};
use crate::peer::{Peer, user_agent};
use crate::rate::Limiter;
use crate::service::Request;
use crate::tls::EDGE;
use crate::{Criticality, criticality};

/// How often an address may show tokens that were not seen before.
const UNSEEN_TOKENS: RateClass = RateClass::Read;

/// The calling service of the same process: a request extension that only a [`crate::Channel`] can insert.
#[derive(Clone)]
pub(crate) struct LocalService(pub(crate) &'static str);

/// The service on the other side of the connection, as its certificate proved: a request extension that only a listening
/// socket with TLS inserts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProvedPeer(pub(crate) Arc<str>);

impl ProvedPeer {
    /// Whether it passes on the calls of people, and so may name their addresses.
    pub(crate) fn is_edge(&self) -> bool {
        &*self.0 == EDGE
    }
}

/// Whether a request may be somebody else's than its sender's: over a socket with TLS only if the edge sent it. For what
/// is answered without a [`Stack`].
pub fn may_pass_on(extensions: &Extensions) -> Result<(), Error> {
    match extensions.get::<ProvedPeer>() {
        Some(peer) if !peer.is_edge() => {
            Err(Error::new(Kind::PermissionDenied, "EDGE_ONLY", "only the edge passes on the calls of people"))
        }
        _ => Ok(()),
    }
}

/// Where the call comes from, without yet knowing from whom.
pub(crate) fn caller_of_nobody(request: &mut Request) -> Caller {
    let peer = request.extensions_mut().remove::<Peer>();
    let peer = peer.unwrap_or_else(|| Peer { address: String::new(), user_agent: user_agent(request.headers()) });
    Caller { actor: Actor::Anonymous, address: peer.address, user_agent: peer.user_agent }
}

/// Who calls. Without credentials nobody in particular; bad credentials are refused even where none are needed, and so are
/// two at once. Credentials are taken out of the request, so that no handler can pass them on or log them.
///
/// Over TLS the certificate says which service calls. The edge's certificate says that somebody else does: whose token it
/// passes on, or nobody in particular; the edge itself never calls. No other service passes on tokens of people.
pub(crate) async fn authenticate(stack: &Stack, request: &mut Request, caller: &Caller) -> Result<Identity, Error> {
    let local = request.extensions_mut().remove::<LocalService>();
    let peer = request.extensions_mut().remove::<ProvedPeer>();
    let mesh = take_one(request.headers_mut(), &MESH_HEADER)?;
    let bearer = take_one(request.headers_mut(), &header::AUTHORIZATION)?;
    let edge = peer.as_ref().is_some_and(ProvedPeer::is_edge);
    match (local, peer, mesh, bearer) {
        (None, None, None, None) => Ok(identity(Actor::Anonymous)),
        (None, Some(_), None, None) if edge => Ok(identity(Actor::Anonymous)),
        (None, None, None, Some(value)) => person(stack, &value, caller).await,
        (None, Some(_), None, Some(value)) if edge => person(stack, &value, caller).await,
        (Some(LocalService(name)), None, None, None) => Ok(identity(Actor::Service { name: name.to_owned() })),
        (None, Some(ProvedPeer(name)), None, None) => Ok(identity(Actor::Service { name: name.to_string() })),
        (None, None, Some(token), None) => {
            let name = mesh_caller(stack, &token)?;
            Ok(identity(Actor::Service { name }))
        }
        // Both ways to prove a service's name at once must prove the same.
        (None, Some(ProvedPeer(name)), Some(token), None) if !edge => {
            if mesh_caller(stack, &token)? == *name {
                Ok(identity(Actor::Service { name: name.to_string() }))
            } else {
                Err(bad_token())
            }
        }
        _ => Err(bad_token()),
    }
}

async fn person(stack: &Stack, authorization: &HeaderValue, caller: &Caller) -> Result<Identity, Error> {
    let token = bearer_token(authorization).ok_or_else(bad_token)?;
    identify(&*stack.verifier, &*stack.limiter, caller, token).await
}

/// Whose a token is, of a caller of whom only the address is known so far. A token that was found good before is
/// remembered. Any other is counted for the address before its signature is looked at: whoever sends forged tokens in
/// masses is refused for the price of a look into the books. The books are their own, so that many people behind one
/// address are not refused for signing in at the same time.
pub async fn identify(
    verifier: &dyn Verifier,
    limiter: &dyn Limiter,
    caller: &Caller,
    token: &str,
) -> Result<Identity, Error> {
    if let Some(known) = verifier.recall(token) {
        return known;
    }
    if let Some(key) = rate_key(caller) {
        limiter.check(UNSEEN_TOKENS, &format!("unseen:{key}")).await?;
    }
    verifier.verify(token).await
}

/// The service that a mesh token names. Where no key is known no token is good.
fn mesh_caller(stack: &Stack, token: &HeaderValue) -> Result<String, Error> {
    let key = stack.mesh_key.as_ref().ok_or_else(bad_token)?;
    key.verify(token.to_str().map_err(|_| bad_token())?, stack.service, stack.clock.now())
}

/// Whether the call claims to come from a service; [`authenticate`] finds out whether it does.
pub(crate) fn claims_service(request: &Request) -> bool {
    let proved = request.extensions().get::<ProvedPeer>().is_some_and(|peer| !peer.is_edge());
    let local = request.extensions().get::<LocalService>().is_some();
    proved || local || request.headers().contains_key(&MESH_HEADER)
}

/// What the call is worth. A service says so in a header, on behalf of whoever it works for; of everybody else, and where a
/// service says nothing, the contract does.
pub(crate) fn criticality(headers: &HeaderMap, from_service: impl FnOnce() -> bool, method: &Method) -> Criticality {
    criticality::read(headers).filter(|_| from_service()).unwrap_or(method.criticality)
}

fn identity(actor: Actor) -> Identity {
    Identity { actor, generation: 0, expires: Timestamp::MAX }
}

fn take_one(headers: &mut HeaderMap, name: &HeaderName) -> Result<Option<HeaderValue>, Error> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let more = headers.get_all(name).iter().nth(1).is_some();
    let first = headers.remove(name);
    if more { Err(bad_token()) } else { Ok(first) }
}

/// The token in `Bearer <token>`.
fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether the contract lets the caller in. Whatever it does not allow is denied.
pub(crate) fn authorize(contract: &Contract, method: &Method, actor: &Actor) -> Result<(), Error> {
    let denied = |reason, message: &str| Err(Error::new(Kind::PermissionDenied, reason, message));
    match (method.access, actor) {
        (Access::Public, _) => Ok(()),
        (_, Actor::Anonymous) => Err(Error::new(Kind::Unauthenticated, "SIGN_IN_REQUIRED", "sign in first")),
        (Access::Authenticated, Actor::User { .. } | Actor::Machine { .. }) => Ok(()),
        (Access::Roles(any_of), Actor::User { roles, .. } | Actor::Machine { roles, .. }) => {
            if roles.intersects(any_of) {
                Ok(())
            } else {
                denied("ROLE_REQUIRED", "this needs a role that you do not have")
            }
        }
        (Access::Internal, Actor::Service { name }) => {
            let declared = contract.services().any(|s| s.domain == *name && s.calls.contains(&method.service));
            if declared {
                Ok(())
            } else {
                denied("CALL_NOT_DECLARED", "the calling service does not declare this call")
            }
        }
        (Access::Internal, _) => denied("INTERNAL_ONLY", "this is for services of the platform"),
        (Access::Authenticated | Access::Roles(_), Actor::Service { .. }) => {
            denied("NOT_FOR_SERVICES", "this is for people and machine clients")
        }
    }
}

/// Counts the call against the rate of its caller: by account, else by address. Services are not counted.
pub(crate) async fn count(stack: &Stack, method: &Method, caller: &Caller) -> Result<(), Error> {
    match rate_key(caller) {
        Some(key) => stack.limiter.check(method.rate, &key).await,
        None => Ok(()),
    }
}

/// Under which key the calls of a caller are counted, whatever protocol they come by; `None` for services.
pub fn rate_key(caller: &Caller) -> Option<String> {
    match &caller.actor {
        Actor::Service { .. } => None,
        Actor::User { id, .. } | Actor::Machine { id, .. } => Some(format!("id:{id}")),
        Actor::Anonymous => Some(match caller.address.parse() {
            // Whoever has one IPv6 address has at least 2^64 of them.
            Ok(std::net::IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("net:{a:x}:{b:x}:{c:x}:{d:x}")
            }
            _ => format!("net:{}", caller.address),
        }),
    }
}

#[cfg(test)]
mod tests;
