//! More calls than the service can do: who is turned away, and what becomes of the others.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::StreamBody;
use kvartal_kernel::{Role, SystemClock};
use kvartal_mesh::Criticality::{self, Critical, CriticalPlus, Sheddable, SheddablePlus};
use kvartal_mesh::server::{Limits, Stack};
use kvartal_mesh::{Channel, criticality};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::world::{Work, World};

const CRITICALITY: &str = "x-kvartal-criticality";

/// How many calls a second the work of [`Work`] allows.
const CAPACITY: f64 = Work::PLACES as f64 / 0.040;

/// A client of the identity service that calls as another service.
fn service(world: &World) -> IdentityServiceClient<Channel> {
    let channel = Channel::local(
        kvartal_proto::contract(),
        Arc::new(SystemClock),
        "identity",
        world.identity.clone(),
        "notification",
    );
    IdentityServiceClient::new(channel)
}

/// One call of this class, to a handler that works.
async fn work(mut client: IdentityServiceClient<Channel>, class: Criticality) -> Result<String, Status> {
    let mut request = Request::new(identity::GetContactRequest { user_id: Work::USER.into() });
    request.metadata_mut().insert(CRITICALITY, class.name().parse().unwrap());
    let answer = criticality::within(class, client.get_contact(request)).await?;
    Ok(answer.into_inner().time_zone)
}

/// What became of the calls of one class.
#[derive(Default, Clone, Copy, Debug)]
struct Outcome {
    offered: u32,
    answered: u32,
    refused: u32,
}

/// Offers calls for a time, `times` as many as can be done, whether or not earlier ones have been answered. Of twenty, one
/// must not fail, eleven are usual, four and four are dispensable.
async fn offer(world: &World, times: f64, lasting: Duration) -> BTreeMap<Criticality, Outcome> {
    const MIX: [Criticality; 5] = [Critical, SheddablePlus, Critical, Sheddable, Critical];
    let outcomes = Arc::new(Mutex::new(BTreeMap::<Criticality, Outcome>::new()));
    let (client, mut calls) = (service(world), JoinSet::new());
    let (begun, mut offered) = (Instant::now(), 0);
    while begun.elapsed() < lasting {
        while f64::from(offered) < begun.elapsed().as_secs_f64() * CAPACITY * times {
            offered += 1;
            let class = if offered % 20 == 0 { CriticalPlus } else { MIX[offered as usize % MIX.len()] };
            let (client, outcomes) = (client.clone(), outcomes.clone());
            outcomes.lock().unwrap().entry(class).or_default().offered += 1;
            calls.spawn(async move {
                let answer = work(client, class).await;
                let mut outcomes = outcomes.lock().unwrap();
                let outcome = outcomes.get_mut(&class).unwrap();
                match answer {
                    Ok(_) => outcome.answered += 1,
                    Err(status) if status.code() == Code::Unavailable => outcome.refused += 1,
                    Err(status) => panic!("{status}"),
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Calls that are still under way count: as many are under way when it begins.
    calls.join_all().await;
    let outcomes = outcomes.lock().unwrap();
    outcomes.clone()
}

#[tokio::test(start_paused = true)]
async fn ten_times_too_much_costs_neither_goodput_nor_what_is_dropped_last() {
    let world = World::new();
    let before = offer(&world, 0.5, Duration::from_secs(2)).await;
    assert!(before.values().all(|outcome| outcome.refused == 0), "{before:?}");

    let seconds = 8;
    let outcomes = offer(&world, 10.0, Duration::from_secs(seconds)).await;
    let answered: u32 = outcomes.values().map(|outcome| outcome.answered).sum();
    let goodput = f64::from(answered) / (CAPACITY * seconds as f64);
    assert!(goodput >= 0.9, "{goodput} of what can be done: {outcomes:?}");
    let last = outcomes[&CriticalPlus];
    assert!(last.offered >= 900 && last.refused * 1_000 < last.offered, "{last:?}");
    let share = |class| f64::from(outcomes[&class].answered) / f64::from(outcomes[&class].offered);
    let shares = Criticality::ALL.map(|class| format!("{} {:.4}", class.name(), share(class))).join(", ");
    eprintln!("10× overload: goodput {goodput:.3} of what can be done; answered: {shares}");
    assert!(share(Sheddable) <= share(SheddablePlus) && share(SheddablePlus) < share(Critical), "{outcomes:?}");

    offer(&world, 0.8, Duration::from_secs(1)).await;
    let after = offer(&world, 0.8, Duration::from_secs(3)).await;
    assert!(after.values().all(|outcome| outcome.refused == 0), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_let_in_under_overload_is_answered_soon() {
    let world = World::new();
    offer(&world, 5.0, Duration::from_secs(5)).await;
    let (client, mut load) = (service(&world), JoinSet::new());
    let mut slowest = Duration::ZERO;
    for _ in 0..2_000 {
        let client = client.clone();
        load.spawn(async move {
            let started = Instant::now();
            work(client, Critical).await.is_ok().then(|| started.elapsed())
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for took in load.join_all().await.into_iter().flatten() {
        slowest = slowest.max(took);
    }
    assert!((Work::TAKES..Work::TAKES * 5).contains(&slowest), "{slowest:?}");
}

/// A service that does eight calls at once.
fn small() -> World {
    World::with(|stack| Stack { limits: Limits { calls_max: 8, ..stack.limits }, ..stack })
}

fn overloaded(status: &Status) -> Duration {
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
    let after = details.retry_info().unwrap().retry_delay.unwrap();
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap();
    assert_eq!(pushback, after.as_millis().to_string());
    after
}

/// More at once than a burst may have: for the next seconds nobody but the most critical waits.
async fn end_the_quiet(world: &World) {
    let mut flood = JoinSet::new();
    for _ in 0..100 {
        flood.spawn(work(service(world), Critical));
    }
    let answers = flood.join_all().await;
    assert!(answers.iter().any(Result::is_err) && answers.iter().any(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_believed_and_its_handlers_calls_inherit_the_class() {
    let world = small();
    end_the_quiet(&world).await;
    let mut inside = JoinSet::new();
    for _ in 0..5 {
        inside.spawn(work(service(&world), Critical));
    }
    tokio::task::yield_now().await;
    for class in [Sheddable, SheddablePlus, Critical] {
        overloaded(&work(service(&world), class).await.unwrap_err());
    }
    assert_eq!(work(service(&world), CriticalPlus).await.unwrap(), "CRITICAL_PLUS");
    assert!(inside.join_all().await.iter().all(|answer| answer.as_deref().unwrap() == "CRITICAL"));
    for class in Criticality::ALL {
        assert_eq!(work(service(&world), class).await.unwrap(), class.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_may_not_say_what_its_call_is_worth() {
    let world = small();
    let (mut client, mut inside) = (world.audit(), JoinSet::new());
    let claiming = |forged: bool| {
        let mut request = world.list("criticality");
        request.metadata_mut().insert(CRITICALITY, "CRITICAL_PLUS".parse().unwrap());
        if forged {
            request.metadata_mut().insert("x-kvartal-mesh", "forged".parse().unwrap());
        }
        request
    };
    let answer = client.list_records(claiming(false)).await.unwrap().into_inner().next_page_token;
    assert_eq!(answer, "SHEDDABLE_PLUS", "as the contract has it");
    for _ in 0..4 {
        let (mut client, request) = (world.audit(), world.list("slow"));
        inside.spawn(async move { client.list_records(request).await });
    }
    tokio::task::yield_now().await;
    overloaded(&client.list_records(claiming(false)).await.unwrap_err());
    assert_eq!(client.list_records(claiming(true)).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn those_turned_away_together_are_not_told_to_come_again_together() {
    let world = small();
    end_the_quiet(&world).await;
    let mut inside = JoinSet::new();
    for _ in 0..5 {
        inside.spawn(work(service(&world), Critical));
    }
    tokio::task::yield_now().await;
    let mut delays = Vec::new();
    for _ in 0..100 {
        delays.push(overloaded(&work(service(&world), Critical).await.unwrap_err()).as_millis());
    }
    assert!(delays.iter().all(|delay| (250..=500).contains(delay)), "{delays:?}");
    for slot in 0..5 {
        let within = delays.iter().filter(|delay| (250 + slot * 50..300 + slot * 50).contains(*delay)).count();
        assert!((15..=25).contains(&within), "{within} come again in the same 50 ms: {delays:?}");
    }
    let patient = overloaded(&work(service(&world), Sheddable).await.unwrap_err());
    assert!(patient >= Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn what_waited_past_its_deadline_is_not_run() {
    let world = small();
    let mut inside = JoinSet::new();
    for _ in 0..6 {
        inside.spawn(work(service(&world), CriticalPlus));
    }
    tokio::task::yield_now().await;
    let begun = world.work.begun.load(Ordering::Relaxed);
    let mut request = Request::new(identity::GetContactRequest { user_id: Work::USER.into() });
    request.metadata_mut().insert(CRITICALITY, "CRITICAL_PLUS".parse().unwrap());
    request.set_timeout(Work::TAKES / 2);
    let mut client = service(&world);
    let late = criticality::within(CriticalPlus, client.get_contact(request)).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert!(inside.join_all().await.iter().all(Result::is_ok));
    assert_eq!(world.work.begun.load(Ordering::Relaxed), begun);
}

#[tokio::test(start_paused = true)]
async fn slow_clients_hold_up_nobody() {
    let world = small();
    let mut slow = JoinSet::new();
    for _ in 0..4 {
        let never = futures::stream::pending::<Result<http_body::Frame<bytes::Bytes>, Status>>();
        let request = http::Request::post("/kvartal.audit.v1.AuditService/ListRecords")
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {}", world.token(&[Role::Admin])))
            .body(tonic::body::Body::new(StreamBody::new(never)))
            .unwrap();
        slow.spawn(world.audit.handle(request));
    }
    tokio::task::yield_now().await;
    world.audit().list_records(world.list("")).await.unwrap();
}
