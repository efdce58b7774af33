//! Replicas that are taken out, alone and together.

use std::time::Duration;

use kvartal_mesh::{EndpointState, RemoteOptions};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::replicas::{
    Mode, Replica, client, connected, directory, directory_with, endpoint, eventually, read, unavailable, view, write,
};
use crate::world::World;

const USUAL: Mode = Mode::After(Duration::from_millis(1));

#[tokio::test]
async fn nothing_spins_and_little_is_sent_while_the_only_replica_is_out() {
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::Refuse(unavailable())).await];
    let failfast = Duration::from_millis(500);
    let directory = directory_with(&replicas, RemoteOptions { failfast, ..RemoteOptions::default() });
    let mut one = client(&directory);
    while view_state(&directory) != Some(EndpointState::Shut) {
        assert_eq!(write(&mut one).await.unwrap_err().code(), Code::Unavailable);
    }
    assert_eq!(replicas[0].calls(), 5, "five failures in a row");
    let began = Instant::now();
    let calls = (0..200).map(|_| {
        let mut client = one.clone();
        async move { read(&mut client).await.unwrap_err().code() }
    });
    let codes = futures::future::join_all(calls).await;
    assert!(codes.iter().all(|code| *code == Code::Unavailable));
    assert!(began.elapsed() >= failfast, "they waited for it to come back");
    assert_eq!(replicas[0].calls(), 5, "and sent nothing meanwhile");
    replicas[0].set(USUAL);
    eventually_reads(&mut one).await;
    assert_eq!(view_state(&directory), Some(EndpointState::Open));
}

fn view_state(directory: &kvartal_mesh::Directory) -> Option<EndpointState> {
    directory.admin().first().map(|view| view.endpoints[0].state)
}

/// Calls until it works; within ten seconds.
async fn eventually_reads(client: &mut crate::replicas::Client) {
    let began = Instant::now();
    while read(client).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn one_call_finds_out_whether_a_replica_is_back() {
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::Refuse(unavailable())).await];
    let directory = directory(&replicas);
    let mut one = client(&directory);
    for _ in 0..5 {
        write(&mut one).await.unwrap_err();
    }
    replicas[0].set(Mode::After(Duration::from_millis(200)));
    let calls = (0..50).map(|_| {
        let mut client = one.clone();
        tokio::spawn(async move { read(&mut client).await })
    });
    let calls: Vec<_> = calls.collect();
    eventually("the probe is there", || replicas[0].calls() == 6).await;
    assert_eq!(endpoint(&directory, &replicas[0]).state, EndpointState::Probing);
    eventually("the probe is answered", || replicas[0].calls() > 6).await;
    assert_eq!(endpoint(&directory, &replicas[0]).state, EndpointState::Open);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(replicas[0].calls(), 55);
}

#[tokio::test]
async fn an_error_that_all_replicas_share_takes_none_of_the_last_out() {
    let world = World::new();
    let internal = || Mode::Refuse(Status::internal("a bug"));
    let replicas = [Replica::start(&world, internal()).await, Replica::start(&world, internal()).await];
    let directory = directory(&replicas);
    let mut client = client(&directory);
    for _ in 0..50 {
        assert_eq!(read(&mut client).await.unwrap_err().code(), Code::Internal, "told, not hidden behind UNAVAILABLE");
    }
    let open = view(&directory).endpoints.iter().filter(|endpoint| endpoint.state == EndpointState::Open).count();
    assert_eq!(open, 1);
}

#[tokio::test]
async fn cancelled_calls_say_nothing_about_a_replica() {
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::Silent).await];
    let directory = directory(&replicas);
    for _ in 0..20 {
        let mut client = client(&directory);
        let sent = replicas[0].calls() + 1;
        tokio::select! {
            _ = read(&mut client) => panic!("it does not answer"),
            () = eventually("it has arrived", || replicas[0].calls() == sent) => {}
        }
    }
    let seen = endpoint(&directory, &replicas[0]);
    assert_eq!((seen.state, seen.ejections, seen.pending), (EndpointState::Open, 0, 0));
}

#[tokio::test]
async fn under_light_load_a_black_hole_is_found_without_an_error() {
    let world = World::new();
    let replicas = [Replica::start(&world, USUAL).await, Replica::start(&world, USUAL).await];
    let directory = directory(&replicas);
    let mut one = connected(&directory).await;
    for _ in 0..20 {
        read(&mut one).await.unwrap();
    }
    let before = replicas[0].calls();
    replicas[0].set(Mode::Silent);
    // One call at a time: while it waits nobody learns that the other replica answers.
    for _ in 0..300 {
        read(&mut one).await.unwrap();
    }
    let asked = replicas[0].calls() - before;
    let error = endpoint(&directory, &replicas[0]).last_error;
    eprintln!("a black hole under light load: asked by {asked} of 300 calls, no errors");
    assert!((1..=2).contains(&asked), "{asked}");
    assert_eq!(error.as_deref(), Some("it does not answer"));
}

#[tokio::test]
async fn a_method_that_is_slow_everywhere_takes_nobody_out() {
    let world = World::new();
    let replicas = [Replica::start(&world, USUAL).await, Replica::start(&world, USUAL).await];
    let directory = directory(&replicas);
    let mut one = connected(&directory).await;
    for _ in 0..50 {
        read(&mut one).await.unwrap();
    }
    // All of a sudden a hundred times slower: beyond what is usual, and nobody's fault.
    replicas.iter().for_each(|replica| replica.set(Mode::After(Duration::from_millis(400))));
    for _ in 0..3 {
        let calls = (0..20).map(|_| {
            let mut client = one.clone();
            async move { read(&mut client).await }
        });
        assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    }
    assert!(view(&directory).endpoints.iter().all(|endpoint| endpoint.ejections == 0), "{:?}", view(&directory));
}
