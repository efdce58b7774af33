//! The record of audited calls.

use kvartal_kernel::{Role, Uuid};
use kvartal_mesh::audit::CallRecord;
use kvartal_proto::audit::v1 as audit;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::world::{SESSION, World};

#[tokio::test]
async fn successful_failed_and_denied_calls_are_recorded() {
    let world = World::new();
    world.audit().verify_chain(world.verify_chain(0)).await.unwrap();
    world.audit().verify_chain(world.verify_chain(1)).await.unwrap_err();
    world.audit().verify_chain(world.verify_chain(2)).await.unwrap_err();
    let citizen = world.request(&[Role::Citizen], audit::VerifyChainRequest::default());
    world.audit().verify_chain(citizen).await.unwrap_err();
    world.audit().verify_chain(Request::new(audit::VerifyChainRequest::default())).await.unwrap_err();
    assert_eq!(world.records.outcomes(), ["OK", "ABORTED", "INTERNAL", "PERMISSION_DENIED", "UNAUTHENTICATED"]);

    let kept = world.records.kept.lock().unwrap();
    let expected = CallRecord {
        method: "/kvartal.audit.v1.AuditService/VerifyChain".into(),
        actor_id: Uuid::from_u128(1).to_string(),
        session_id: SESSION.to_string(),
        outcome: "OK".into(),
        address: "192.0.2.7".into(),
    };
    assert_eq!(kept.first(), Some(&expected));
    assert_eq!(kept.last().map(|record| (record.actor_id.as_str(), record.session_id.as_str())), Some(("", "")));
}

#[tokio::test]
async fn other_methods_are_not_recorded() {
    let world = World::new();
    world.audit().list_records(world.list("")).await.unwrap();
    world.audit().list_records(Request::new(world.list("").into_inner())).await.unwrap_err();
    assert!(world.records.outcomes().is_empty());
}

#[tokio::test]
async fn what_succeeded_but_cannot_be_recorded_is_not_answered_with_success() {
    let world = World::new();
    *world.records.refuses.lock().unwrap() = true;
    let status = world.audit().verify_chain(world.verify_chain(0)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "AUDIT_UNAVAILABLE");
    let status = world.audit().verify_chain(world.verify_chain(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "an error stays what it is");
}

#[tokio::test]
async fn an_audited_call_is_finished_and_recorded_when_its_client_goes_away() {
    let world = World::new();
    let (mut client, request) = (world.audit(), world.verify_chain(3));
    let call = tokio::spawn(async move { client.verify_chain(request).await });
    tokio::task::yield_now().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert!(world.records.outcomes().is_empty());
    world.gate.notify_one();
    world.records.changed.notified().await;
    assert_eq!(world.records.outcomes(), ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_took_too_long_is_recorded_as_that() {
    let world = World::new();
    let status = world.audit().verify_chain(world.verify_chain(4)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(world.records.outcomes(), ["DEADLINE_EXCEEDED"]);
}
