//! Rates of callers.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{ManualClock, Role, Timestamp};
use kvartal_mesh::rate::{LocalLimiter, RateNumbers};
use kvartal_mesh::server::Stack;
use kvartal_mesh::{Channel, Peer};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::World;

/// With the real rates and a clock that stands still.
fn world() -> (Arc<ManualClock>, World) {
    let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000)));
    let limiter = Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default()));
    (clock, World::with(|stack| Stack { limiter: limiter.clone(), ..stack }))
}

fn sign_in() -> identity::SignInRequest {
    identity::SignInRequest { email: "a@example.org".into(), password: "x".into() }
}

fn refused(status: &Status) -> Duration {
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "RATE_LIMITED");
    details.retry_info().unwrap().retry_delay.unwrap()
}

#[tokio::test]
async fn whoever_calls_too_often_is_told_when_to_come_again() {
    let (clock, world) = world();
    for _ in 0..20 {
        world.identity().sign_in(world.request(&[], sign_in())).await.unwrap();
    }
    let wait = refused(&world.identity().sign_in(world.request(&[], sign_in())).await.unwrap_err());
    assert_eq!(wait, Duration::from_secs(6));

    let mut elsewhere = world.request(&[], sign_in());
    elsewhere.extensions_mut().insert(Peer { address: "192.0.2.8".into(), user_agent: String::new() });
    world.identity().sign_in(elsewhere).await.unwrap();
    world.identity().sign_in(world.request(&[Role::Citizen], sign_in())).await.unwrap();

    clock.advance(wait);
    world.identity().sign_in(world.request(&[], sign_in())).await.unwrap();
    assert_eq!(world.records.outcomes().len(), 23, "what came too often is not recorded");
}

#[tokio::test]
async fn guessing_tokens_and_knocking_on_closed_doors_counts() {
    let (_, world) = world();
    let guess = || {
        let mut request = world.request(&[], sign_in());
        request.metadata_mut().insert("authorization", "Bearer guess".parse().unwrap());
        request
    };
    for _ in 0..20 {
        assert_eq!(world.identity().sign_in(guess()).await.unwrap_err().code(), Code::Unauthenticated);
    }
    refused(&world.identity().sign_in(guess()).await.unwrap_err());

    let knock = || world.request(&[Role::Citizen], world.list("").into_inner());
    for _ in 0..100 {
        assert_eq!(world.audit().list_records(knock()).await.unwrap_err().code(), Code::PermissionDenied);
    }
    refused(&world.audit().list_records(knock()).await.unwrap_err());
}

#[tokio::test]
async fn services_are_not_counted() {
    let (clock, world) = world();
    let channel = Channel::local(kvartal_proto::contract(), clock, "identity", world.identity.clone(), "notification");
    let mut client = IdentityServiceClient::new(channel);
    let contact = identity::GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() };
    for _ in 0..500 {
        client.get_contact(contact.clone()).await.unwrap();
    }
}
