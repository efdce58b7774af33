//! The access matrix.

use kvartal_contract::{Access, Method};
use kvartal_kernel::{Actor, Caller, Kind, Role, Roles};
use uuid::Uuid;

use super::{authorize, rate_key};

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
    let internal = contract.methods().find(|method| method.access == Access::Internal).unwrap();
    let call = |name: &str| authorize(contract, internal, &Actor::Service { name: name.into() }).is_ok();
    assert_eq!(internal.domain, "identity");
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
