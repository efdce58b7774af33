//! The access matrix.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_contract::{Access, Method};
use kvartal_kernel::{Actor, Caller, Clock as _, Error, Kind, Role, Roles, SystemClock, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use uuid::Uuid;

use super::{LocalService, ProvedPeer, authenticate, authorize, rate_key};
use crate::audit::NoAudit;
use crate::auth::{Identity, MESH_HEADER, MeshKey, Verifier};
use crate::rate::{LocalLimiter, RateNumbers};
use crate::server::{Limits, Stack};
use crate::service::Request;

fn method(access: Access) -> Method {
    let method = kvartal_proto::contract().method("/kvartal.audit.v1.AuditService/ListRecords").unwrap();
    Method { access, ..method.clone() }
}

fn verdict(access: Access, actor: &Actor) -> Option<Kind> {
    authorize(kvartal_proto::contract(), &method(access), actor).err().map(|error| error.kind())
}

fn user(roles: &[Role]) -> Actor {
    Actor::User { id: Uuid::from_u128(1), session: Uuid::from_u128(2), roles: roles.iter().copied().collect() }
}

#[test]
fn each_kind_of_access_lets_in_exactly_whom_it_names() {
    let admin = Access::Roles([Role::Admin].into_iter().collect());
    let service = Actor::Service { name: "notification".into() };
    let machine = Actor::Machine { id: Uuid::from_u128(3), roles: [Role::Service].into_iter().collect() };
    let (denied, unknown) = (Some(Kind::PermissionDenied), Some(Kind::Unauthenticated));
    let table = [
        (Actor::Anonymous, [None, unknown, unknown, unknown]),
        (user(&[]), [None, None, denied, denied]),
        (user(&[Role::Citizen, Role::Editor]), [None, None, denied, denied]),
        (user(&[Role::Citizen, Role::Admin]), [None, None, None, denied]),
        (machine, [None, None, denied, denied]),
        // The contract declares no call of `notification` to `audit`.
        (service, [None, denied, denied, denied]),
    ];
    for (actor, expected) in table {
        let accesses = [Access::Public, Access::Authenticated, admin, Access::Internal];
        assert_eq!(accesses.map(|access| verdict(access, &actor)), expected, "{actor:?}");
    }
    assert_eq!(verdict(Access::Roles(Roles::NONE), &user(Role::ALL)), denied);
}

#[test]
fn a_service_may_make_the_calls_it_declares() {
    let contract = kvartal_proto::contract();
    let mut methods = contract.methods().filter(|method| method.domain == "identity");
    let internal = methods.find(|method| method.access == Access::Internal).unwrap();
    let call = |name: &str| authorize(contract, internal, &Actor::Service { name: name.into() }).is_ok();
    assert!(call("notification"));
    assert!(!call("incident") && !call("nobody") && !call(""));
}

#[test]
fn rates_count_accounts_then_networks_and_never_services() {
    let key = |actor, address: &str| rate_key(&Caller { actor, address: address.into(), user_agent: String::new() });
    assert_eq!(key(Actor::Service { name: "a".into() }, ""), None);
    assert_eq!(key(user(&[]), "1.2.3.4"), Some(format!("id:{}", Uuid::from_u128(1))));
    assert_eq!(key(Actor::Anonymous, "1.2.3.4").as_deref(), Some("net:1.2.3.4"));
    assert_eq!(key(Actor::Anonymous, "2001:db8::1"), key(Actor::Anonymous, "2001:db8::ffff"));
    assert_ne!(key(Actor::Anonymous, "2001:db8::1"), key(Actor::Anonymous, "2001:db8:0:1::1"));
}

/// Takes every token for that of one person.
struct OnePerson;

#[async_trait]
impl Verifier for OnePerson {
    fn recall(&self, _: &str) -> Option<Result<Identity, Error>> {
        None
    }

    async fn verify(&self, _: &str) -> Result<Identity, Error> {
        Ok(Identity { actor: user(&[]), generation: 0, expires: Timestamp::MAX })
    }

    fn recheck(&self, _: &Identity) -> Result<(), Error> {
        Ok(())
    }
}

fn stack(mesh_key: Option<MeshKey>) -> Stack {
    let clock = Arc::new(SystemClock);
    Stack {
        contract: kvartal_proto::contract(),
        service: "identity",
        verifier: Arc::new(OnePerson),
        mesh_key,
        limiter: Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default())),
        audit: Arc::new(NoAudit),
        clock,
        stop: CancellationToken::new(),
        calls: TaskTracker::new(),
        limits: Limits::default(),
    }
}

/// Who calls, in a word: `?` for refused.
async fn who(
    stack: &Stack,
    peer: Option<&str>,
    local: Option<&'static str>,
    mesh: Option<&str>,
    bearer: bool,
) -> String {
    let mut request = Request::new(Body::empty());
    if let Some(peer) = peer {
        request.extensions_mut().insert(ProvedPeer(peer.into()));
    }
    if let Some(name) = local {
        request.extensions_mut().insert(LocalService(name));
    }
    if let Some(caller) = mesh {
        let token = MeshKey::new(&[7; 32]).token(caller, "identity", SystemClock.now()).unwrap();
        request.headers_mut().insert(&MESH_HEADER, token);
    }
    if bearer {
        request.headers_mut().insert("authorization", "Bearer x".parse().unwrap());
    }
    let identity = authenticate(stack, &mut request, &Caller::anonymous()).await;
    assert!(request.headers().is_empty() && request.extensions().is_empty(), "credentials are taken out");
    match identity.map(|identity| identity.actor) {
        Ok(Actor::Service { name }) => name,
        Ok(Actor::User { .. }) => "person".to_owned(),
        Ok(Actor::Anonymous) => "nobody".to_owned(),
        other => {
            assert_eq!(other.unwrap_err().kind(), Kind::Unauthenticated);
            "?".to_owned()
        }
    }
}

#[tokio::test]
async fn certificates_tokens_and_channels_prove_names_and_never_two_of_them() {
    let with_key = stack(Some(MeshKey::new(&[7; 32])));
    let without = stack(None);
    let (gateway, audit, news) = (Some("gateway"), Some("audit"), Some("news"));
    // Certificate, channel of the process, mesh token, token of a person; with the key, without it.
    let table = [
        (None, None, None, false, "nobody", "nobody"),
        (None, None, None, true, "person", "person"),
        (None, audit, None, false, "audit", "audit"),
        (None, audit, None, true, "?", "?"),
        (None, None, audit, false, "audit", "?"),
        (None, None, audit, true, "?", "?"),
        (None, audit, audit, false, "?", "?"),
        (audit, None, None, false, "audit", "audit"),
        (audit, None, None, true, "?", "?"),
        (audit, None, audit, false, "audit", "?"),
        (audit, None, news, false, "?", "?"),
        (audit, None, audit, true, "?", "?"),
        (audit, audit, None, false, "?", "?"),
        (gateway, None, None, false, "nobody", "nobody"),
        (gateway, None, None, true, "person", "person"),
        (gateway, None, gateway, false, "?", "?"),
        (gateway, None, audit, false, "?", "?"),
        (gateway, None, audit, true, "?", "?"),
        (gateway, audit, None, false, "?", "?"),
    ];
    for (peer, local, mesh, bearer, expected, expected_without) in table {
        let row = format!("{peer:?} {local:?} {mesh:?} {bearer}");
        assert_eq!(who(&with_key, peer, local, mesh, bearer).await, expected, "{row}");
        assert_eq!(who(&without, peer, local, mesh, bearer).await, expected_without, "{row}, without the key");
    }
}
