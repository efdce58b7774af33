//! Who is let in.

use http_body_util::Full;
use kvartal_kernel::{Role, SystemClock};
use kvartal_mesh::Channel;
use kvartal_mesh::auth::Revoke as _;
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::world::{FOREVER, SESSION, World, frame, read};

fn contact() -> identity::GetContactRequest {
    identity::GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() }
}

fn sign_in() -> identity::SignInRequest {
    identity::SignInRequest { email: "a@example.org".into(), password: "x".into() }
}

#[tokio::test]
async fn roles_decide_and_the_handler_learns_who_calls() {
    let world = World::new();
    let nobody = Request::new(world.list("").into_inner());
    let status = world.audit().list_records(nobody).await.unwrap_err();
    assert_eq!(
        (status.code(), status.get_error_details().error_info().unwrap().reason.as_str()),
        (Code::Unauthenticated, "SIGN_IN_REQUIRED")
    );

    let citizen = world.request(&[Role::Citizen, Role::Dispatcher], world.list("").into_inner());
    assert_eq!(world.audit().list_records(citizen).await.unwrap_err().code(), Code::PermissionDenied);

    let answer = world.audit().list_records(world.list("")).await.unwrap().into_inner().next_page_token;
    for part in ["User", "00000000-0000-0000-0000-000000000001", "192.0.2.7", "a browser", "secret=false"] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
}

#[tokio::test]
async fn public_means_everybody_but_not_with_a_bad_token() {
    let world = World::new();
    world.identity().sign_in(world.request(&[], sign_in())).await.unwrap();
    world.identity().sign_in(world.request(&[Role::Citizen], sign_in())).await.unwrap();
    for value in ["Bearer nonsense", "Bearer ", "Bearer", "Basic YTpi", "", "nonsense"] {
        let mut request = world.request(&[], sign_in());
        request.metadata_mut().insert("authorization", value.parse().unwrap());
        let status = world.identity().sign_in(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{value:?}");
    }
}

#[tokio::test]
async fn two_credentials_are_refused() {
    let world = World::new();
    let good = format!("Bearer {}", world.token(&[Role::Admin]));
    let mut twice = world.list("");
    twice.metadata_mut().append("authorization", good.parse().unwrap());
    assert_eq!(world.audit().list_records(twice).await.unwrap_err().code(), Code::Unauthenticated);

    let mut both = world.list("");
    both.metadata_mut().insert("x-kvartal-mesh", "token".parse().unwrap());
    assert_eq!(world.audit().list_records(both).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn internal_methods_are_for_declared_services_only() {
    let world = World::new();
    for roles in [&[][..], &[Role::Citizen], Role::ALL] {
        let status = world.identity().get_contact(world.request(roles, contact())).await.unwrap_err();
        let expected = if roles.is_empty() { Code::Unauthenticated } else { Code::PermissionDenied };
        assert_eq!(status.code(), expected);
    }
    let clock = std::sync::Arc::new(SystemClock);
    let channel =
        |caller| Channel::local(kvartal_proto::contract(), clock.clone(), "identity", world.identity.clone(), caller);
    let mut client = IdentityServiceClient::new(channel("notification"));
    assert_eq!(client.get_contact(contact()).await.unwrap().into_inner().email, "notification");
    client.sign_in(sign_in()).await.unwrap();
    let status = client.list_sessions(identity::ListSessionsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "services act for themselves, not as people");

    let mut client = IdentityServiceClient::new(channel("incident"));
    let status = client.get_contact(contact()).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CALL_NOT_DECLARED");
}

#[tokio::test]
async fn nobody_becomes_a_service_by_saying_so() {
    let world = World::new();
    for name in ["x-kvartal-mesh", "x-kvartal-service", "x-kvartal-caller"] {
        let mut request = world.request(&[], contact());
        request.metadata_mut().insert(name, "notification".parse().unwrap());
        assert_eq!(world.identity().get_contact(request).await.unwrap_err().code(), Code::Unauthenticated);
    }
}

#[tokio::test]
async fn what_no_contract_knows_is_not_there() {
    let world = World::new();
    for path in [
        "/",
        "/kvartal.audit.v1.AuditService",
        "/kvartal.audit.v1.AuditService/",
        "/kvartal.audit.v1.AuditService/Nonsense",
        "/kvartal.audit.v1.AuditService/listRecords",
        "/kvartal.audit.v1.AuditService/ListRecords/",
        "//kvartal.audit.v1.AuditService/ListRecords",
        "/kvartal.audit.v1.AuditService/%4cistRecords",
        // Known, but of another service.
        "/kvartal.identity.v1.IdentityService/SignIn",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        let request = http::Request::post(path)
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {}", world.token(Role::ALL)))
            .body(tonic::body::Body::new(Full::from(frame(b""))))
            .unwrap();
        let answer = read(world.audit.handle(request).await).await;
        assert_eq!((answer.http, answer.code), (200, Some(Code::Unimplemented as i32)), "{path}");
    }
}

#[tokio::test]
async fn a_revoked_session_is_over() {
    let world = World::new();
    world.audit().list_records(world.list("")).await.unwrap();
    world.revocations.revoke_session(SESSION, FOREVER).await.unwrap();
    let status = world.audit().list_records(world.list("")).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "SESSION_REVOKED");
}
