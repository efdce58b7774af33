//! Every RPC × {anonymous, wrong role, right role} equals the contract.

use bytes::Bytes;
use kvartal_contract::{Access, Method};
use kvartal_e2e::{Adapter, Options, Platform, RawOutcome, User};
use kvartal_kernel::{Role, Roles};
use tonic::Code;

/// RPCs that end the caller's session: called last, with somebody who is not needed afterwards.
fn ends_the_session(method: &Method) -> bool {
    matches!(method.name.as_str(), "SignOut" | "SignOutEverywhere" | "ChangePassword")
}

fn is_admitted(outcome: &RawOutcome) -> bool {
    let refused = matches!(outcome.code, Code::PermissionDenied | Code::Unauthenticated)
        && matches!(
            outcome.reason.as_str(),
            "PERMISSION_DENIED" | "SIGN_IN_REQUIRED" | "TOKEN_INVALID" | "SESSION_REVOKED"
        );
    !refused
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_admits_whom_its_contract_admits() {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let raw = platform.raw();
    let contract = kvartal_proto::contract();
    let mut people = Vec::new();
    for role in Role::ALL.iter().filter(|role| **role != Role::Service) {
        let roles: &[Role] = if *role == Role::Citizen { &[] } else { &[*role] };
        people.push((Roles::NONE.with(Role::Citizen).with(*role), platform.user(&admin, roles).await));
    }
    let mut differences = Vec::new();
    let mut calls = 0;
    let (last, first): (Vec<&Method>, Vec<&Method>) = contract.methods().partition(|method| ends_the_session(method));
    for method in first.into_iter().chain(last) {
        calls += 1;
        let anonymous = raw.call(method, None, Bytes::new()).await;
        let expected = match method.access {
            Access::Public => None,
            Access::Authenticated | Access::Roles(_) => Some(Code::Unauthenticated),
            Access::Internal => Some(Code::PermissionDenied),
        };
        check(method, "anonymous", expected, &anonymous, &mut differences);
        for (roles, person) in &people {
            // A person who signed out is signed in again: the matrix tests access, not sessions.
            let token = fresh(&platform, method, person).await;
            let outcome = raw.call(method, Some(&token), Bytes::new()).await;
            let expected = match method.access {
                Access::Public | Access::Authenticated => None,
                Access::Roles(allowed) if allowed.intersects(*roles) => None,
                Access::Roles(_) | Access::Internal => Some(Code::PermissionDenied),
            };
            check(method, &format!("{roles:?}"), expected, &outcome, &mut differences);
            calls += 1;
        }
    }
    assert!(differences.is_empty(), "{} of {calls} calls differ:\n{}", differences.len(), differences.join("\n"));
}

async fn fresh(platform: &Platform, method: &Method, person: &User) -> String {
    if ends_the_session(method) {
        platform.sign_in(person.email()).await.access_token().to_owned()
    } else {
        person.access_token().to_owned()
    }
}

fn check(method: &Method, who: &str, expected: Option<Code>, outcome: &RawOutcome, differences: &mut Vec<String>) {
    let agrees = match expected {
        Some(code) => outcome.code == code,
        None => is_admitted(outcome),
    };
    if !agrees {
        let expected = expected.map_or("admitted".to_owned(), |code| format!("{code:?}"));
        differences.push(format!("{} as {who}: expected {expected}, got {outcome:?}", method.path));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_contract_does_not_know_does_not_exist() {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let known = kvartal_proto::contract().methods().next().unwrap();
    for path in ["/kvartal.identity.v1.IdentityService/Unknown", "/kvartal.nothing.v1.NothingService/Get"] {
        let method = Method { path: path.to_owned(), server_streaming: false, ..known.clone() };
        let outcome = platform.raw().call(&method, Some(admin.access_token()), Bytes::new()).await;
        assert_eq!(outcome.code, Code::Unimplemented, "{path}: {outcome:?}");
    }
}
