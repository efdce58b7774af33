//! Rates of callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Error, ManualClock, Role, Timestamp};
use kvartal_mesh::auth::{Identity, Verifier};
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

/// Counts how many tokens are really looked at.
struct Counting {
    inner: Arc<dyn Verifier>,
    verified: Arc<AtomicUsize>,
}

#[async_trait]
impl Verifier for Counting {
    fn recall(&self, bearer: &str) -> Option<Result<Identity, Error>> {
        self.inner.recall(bearer)
    }

    async fn verify(&self, bearer: &str) -> Result<Identity, Error> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        self.inner.verify(bearer).await
    }

    fn recheck(&self, identity: &Identity) -> Result<(), Error> {
        self.inner.recheck(identity)
    }
}

#[tokio::test]
async fn a_flood_of_forged_tokens_is_refused_without_looking_at_them() {
    let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000)));
    let limiter = Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default()));
    let verified = Arc::new(AtomicUsize::new(0));
    let world = World::with(|stack| {
        let verifier = Arc::new(Counting { inner: stack.verifier, verified: verified.clone() });
        Stack { verifier, limiter: limiter.clone(), ..stack }
    });
    let looked_at = || verified.swap(0, Ordering::SeqCst);
    let good = format!("Bearer {}", world.token(&[Role::Admin]));
    let list = |token: &str| {
        let mut request = world.list("");
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        request
    };
    // Known before the flood begins.
    world.audit().list_records(list(&good)).await.unwrap();
    assert_eq!(looked_at(), 1);

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forge = |number: usize| list(&format!("{signed}.{number:04}{}", &signature[4..]));
    let mut codes = Vec::new();
    for number in 0..500 {
        codes.push(world.audit().list_records(forge(number)).await.unwrap_err().code());
    }
    // The burst of a class, less the one of before.
    assert_eq!(looked_at(), 99);
    assert!(codes[..99].iter().all(|code| *code == Code::Unauthenticated), "{codes:?}");
    assert!(codes[99..].iter().all(|code| *code == Code::ResourceExhausted), "{codes:?}");
    assert_eq!(refused(&world.audit().list_records(forge(500)).await.unwrap_err()), Duration::from_millis(20));

    // From the same address, who is known goes on; elsewhere a token is looked at.
    world.audit().list_records(list(&good)).await.unwrap();
    let mut elsewhere = forge(501);
    elsewhere.extensions_mut().insert(Peer { address: "192.0.2.8".into(), user_agent: String::new() });
    assert_eq!(world.audit().list_records(elsewhere).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(looked_at(), 1);

    clock.advance(Duration::from_millis(20));
    assert_eq!(world.audit().list_records(forge(502)).await.unwrap_err().code(), Code::Unauthenticated);
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
