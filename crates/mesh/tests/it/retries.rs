//! What is sent again, and what never is.

use std::time::Duration;

use kvartal_mesh::RemoteOptions;
use tokio::time::Instant;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::replicas::{Mode, Replica, client, connected, directory, directory_with, read, unavailable, view, write};
use crate::world::World;

const USUAL: Mode = Mode::After(Duration::from_millis(1));

/// Two replicas, one of which goes wrong: calls are made until it has been asked. How often it was, and the answers.
async fn until_asked(mode: Mode) -> (usize, Vec<Replica>, Vec<Result<(), Status>>) {
    let world = World::new();
    let replicas = vec![Replica::start(&world, USUAL).await, Replica::start(&world, USUAL).await];
    let directory = directory(&replicas);
    let mut client = connected(&directory).await;
    let before = replicas[0].calls();
    replicas[0].set(mode);
    let mut answers = Vec::new();
    while replicas[0].calls() == before {
        answers.push(read(&mut client).await);
    }
    (replicas[0].calls() - before, replicas, answers)
}

#[tokio::test]
async fn a_read_is_sent_again_to_another_replica() {
    for mode in [Mode::Refuse(unavailable()), Mode::Reset, Mode::Trailers] {
        let (asked, replicas, answers) = until_asked(mode.clone()).await;
        assert!(answers.iter().all(Result::is_ok), "{mode:?}: {answers:?}");
        assert_eq!(asked, 1);
        let (previous, _) = replicas[1].headers().pop().unwrap();
        assert_eq!(previous.as_deref(), Some("1"), "the server is told that it is a retry");
    }
}

#[tokio::test]
async fn what_must_not_be_repeated_is_sent_once() {
    let world = World::new();
    for mode in [Mode::Refuse(unavailable()), Mode::Reset, Mode::Trailers] {
        let replicas = [Replica::start(&world, mode.clone()).await, Replica::start(&world, mode.clone()).await];
        let directory = directory(&replicas);
        let mut client = client(&directory);
        for sent in 1..=3 {
            assert_eq!(write(&mut client).await.unwrap_err().code(), Code::Unavailable, "{mode:?}");
            assert_eq!(replicas[0].calls() + replicas[1].calls(), sent, "{mode:?}");
        }
        assert_eq!(view(&directory).retries, 0);
    }
}

#[tokio::test]
async fn other_errors_are_answers() {
    for code in [Code::ResourceExhausted, Code::Internal, Code::NotFound, Code::DeadlineExceeded, Code::Aborted] {
        let (asked, _replicas, answers) = until_asked(Mode::Refuse(Status::new(code, "no"))).await;
        assert_eq!(answers.last().unwrap().as_ref().unwrap_err().code(), code);
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn at_most_three_attempts_are_made() {
    let world = World::new();
    let mut replicas = Vec::new();
    for _ in 0..5 {
        replicas.push(Replica::start(&world, USUAL).await);
    }
    let directory = directory(&replicas);
    let mut client = connected(&directory).await;
    let before: Vec<_> = replicas.iter().map(Replica::calls).collect();
    replicas.iter().for_each(|replica| replica.set(Mode::Refuse(unavailable())));
    assert_eq!(read(&mut client).await.unwrap_err().code(), Code::Unavailable);
    let calls: Vec<_> = replicas.iter().zip(before).map(|(replica, before)| replica.calls() - before).collect();
    assert_eq!((calls.iter().sum::<usize>(), calls.iter().max()), (3, Some(&1_usize)), "each at another replica");
    assert_eq!(view(&directory).retries, 2);
}

fn pushback(value: &'static str) -> Status {
    let mut status = unavailable();
    status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from_static(value));
    status
}

#[tokio::test]
async fn a_server_can_forbid_retries_and_ask_for_a_pause() {
    let (asked, _replicas, answers) = until_asked(Mode::Refuse(pushback("-1"))).await;
    assert_eq!(answers.last().unwrap().as_ref().unwrap_err().code(), Code::Unavailable);
    assert_eq!(asked, 1);

    let info = || {
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_millis(300)));
        Status::with_error_details(Code::Unavailable, "later", details)
    };
    for refusal in [pushback("300"), info()] {
        let began = Instant::now();
        let (_, _replicas, answers) = until_asked(Mode::Refuse(refusal)).await;
        assert!(answers.iter().all(Result::is_ok));
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
}

#[tokio::test]
async fn a_pause_longer_than_the_deadline_is_not_waited_for() {
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::Refuse(pushback("60000"))).await];
    let directory = directory(&replicas);
    let began = Instant::now();
    assert_eq!(read(&mut client(&directory)).await.unwrap_err().code(), Code::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(2) && replicas[0].calls() == 1);
}

#[tokio::test]
async fn a_service_that_refuses_for_its_load_is_called_less_and_not_taken_out() {
    let overloaded = || {
        let details = ErrorDetails::with_error_info("OVERLOADED", "kvartal", []);
        Status::with_error_details(Code::Unavailable, "too much to do", details)
    };
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::Refuse(overloaded())).await];
    let directory = directory_with(&replicas, RemoteOptions::default());
    let mut client = client(&directory);
    let mut throttled = 0;
    for _ in 0..300 {
        let status = read(&mut client).await.unwrap_err();
        let reason = status.get_error_details().error_info().unwrap().reason.clone();
        throttled += usize::from(reason == "THROTTLED");
        assert!(reason == "THROTTLED" || reason == "OVERLOADED", "{reason}");
    }
    let view = view(&directory);
    assert_eq!(view.throttled.iter().sum::<u64>(), u64::try_from(throttled).unwrap());
    assert_eq!(view.endpoints[0].ejections, 0);
    // A nineth of what is left of 280 calls, and the first twenty.
    assert!(replicas[0].calls() < 120, "{} of 300 were sent", replicas[0].calls());
}
