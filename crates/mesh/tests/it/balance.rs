//! Which replica a call goes to, as replicas come and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::SystemClock;
use kvartal_mesh::auth::MeshKey;
use kvartal_mesh::{Address, Criticality, Directory, Remote, RemoteOptions, criticality};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::replicas::{Mode, Replica, client, directory, directory_with, endpoint, eventually, read, view};
use crate::world::{MESH_SECRET, World};

const USUAL: Duration = Duration::from_millis(2);

fn address(replica: &Replica) -> Address {
    Address::parse(&format!("127.0.0.1:{}", replica.port), None).unwrap()
}

/// A directory that is told where identity is, and the teller.
fn told(options: RemoteOptions) -> (Directory, watch::Sender<BTreeSet<Address>>) {
    let remote = Remote { url: "http://{service}:9090".into(), key: Some(MeshKey::new(&MESH_SECRET)), options };
    let directory = Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), Some(remote));
    let (tell, endpoints) = watch::channel(BTreeSet::new());
    directory.follow("identity", endpoints).unwrap();
    (directory, tell)
}

#[tokio::test]
async fn calls_are_spread_evenly_over_equal_replicas() {
    let world = World::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::start(&world, Mode::After(USUAL)).await);
    }
    let directory = directory(&replicas);
    let workers = (0..6).map(|_| {
        let mut client = client(&directory);
        async move {
            for _ in 0..50 {
                read(&mut client).await.unwrap();
            }
        }
    });
    futures::future::join_all(workers).await;
    let calls: Vec<_> = replicas.iter().map(Replica::calls).collect();
    assert_eq!(calls.iter().sum::<usize>(), 300);
    assert!(calls.iter().all(|calls| (50..=170).contains(calls)), "{calls:?}");
    assert!(view(&directory).endpoints.iter().all(|endpoint| endpoint.pending == 0 && endpoint.connections == 2));
}

#[tokio::test]
async fn a_change_reaches_the_balancer_at_once_and_running_calls_finish() {
    let world = World::new();
    let old = Replica::start(&world, Mode::After(Duration::from_millis(400))).await;
    let (directory, tell) = told(RemoteOptions::default());
    tell.send([address(&old)].into()).unwrap();
    let mut first = client(&directory);
    let running = tokio::spawn(async move { read(&mut first).await });
    eventually("the call has arrived", || old.calls() == 1).await;

    let new = Replica::start(&world, Mode::After(USUAL)).await;
    let changed = Instant::now();
    tell.send([address(&new)].into()).unwrap();
    let is_new = || view(&directory).endpoints.iter().all(|one| one.address == address(&new).to_string());
    eventually("the change is there", is_new).await;
    read(&mut client(&directory)).await.unwrap();
    let took = changed.elapsed();
    eprintln!("a change of endpoints was in use after {took:?}");
    assert!(took < Duration::from_millis(200), "{took:?}");
    assert_eq!((old.calls(), new.calls()), (1, 1));
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_waits_for_its_first_replica() {
    let world = World::new();
    let (directory, tell) = told(RemoteOptions::default());
    let mut waiting = client(&directory);
    let call = tokio::spawn(async move { read(&mut waiting).await });
    eventually("the call waits", || directory.admin().first().is_some_and(|view| view.waiting == 1)).await;
    let replica = Replica::start(&world, Mode::After(USUAL)).await;
    tell.send([address(&replica)].into()).unwrap();
    call.await.unwrap().unwrap();
    assert_eq!(view(&directory).waiting, 0);
}

#[tokio::test]
async fn who_has_waited_in_vain_fails_and_spares_the_others_the_wait() {
    let failfast = Duration::from_millis(300);
    let (directory, tell) = told(RemoteOptions { failfast, ..RemoteOptions::default() });
    let mut client = client(&directory);
    let began = Instant::now();
    let status = read(&mut client).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "NO_ENDPOINT_READY");
    assert!(began.elapsed() >= failfast);
    let again = Instant::now();
    read(&mut client).await.unwrap_err();
    assert!(again.elapsed() < failfast, "the second does not wait: {:?}", again.elapsed());
    // It ends by itself as soon as there is a replica.
    let world = World::new();
    let replica = Replica::start(&world, Mode::After(USUAL)).await;
    tell.send([address(&replica)].into()).unwrap();
    eventually("it is connected", || view(&directory).endpoints.iter().any(|one| one.connections > 0)).await;
    read(&mut client).await.unwrap();
}

#[tokio::test]
async fn no_more_calls_wait_or_run_than_may() {
    let world = World::new();
    let options = RemoteOptions { waiting_max: 1, calls_max: 1, ..RemoteOptions::default() };
    let (directory, tell) = told(options);
    let mut first = client(&directory);
    let call = tokio::spawn(async move { read(&mut first).await });
    eventually("the call waits", || directory.admin().first().is_some_and(|view| view.waiting == 1)).await;
    let mut second = client(&directory);
    let reason = |status: tonic::Status| status.get_error_details().error_info().unwrap().reason.clone();
    assert_eq!(reason(read(&mut second).await.unwrap_err()), "TOO_MANY_WAIT");

    let replica = Replica::start(&world, Mode::After(Duration::from_millis(300))).await;
    tell.send([address(&replica)].into()).unwrap();
    eventually("the call has arrived", || replica.calls() == 1).await;
    assert_eq!(reason(read(&mut second).await.unwrap_err()), "TOO_MANY_CALLS");
    call.await.unwrap().unwrap();
    assert_eq!(replica.calls(), 1, "what was dropped is not sent again");
    assert_eq!((view(&directory).queue_full, view(&directory).over_limit), (1, 1));
    read(&mut second).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_comes_back_at_its_address_is_found_again() {
    let world = World::new();
    let replica = Replica::start(&world, Mode::After(USUAL)).await;
    let directory = directory_with(std::slice::from_ref(&replica), RemoteOptions::default());
    let mut client = client(&directory);
    read(&mut client).await.unwrap();
    let port = replica.port;
    drop(replica);
    eventually("it is gone", || view(&directory).endpoints[0].connections == 0).await;
    let mut waiting = client.clone();
    let call = tokio::spawn(async move { read(&mut waiting).await });
    eventually("a call waits", || view(&directory).waiting == 1).await;
    let replica = Replica::start_at(&world, Mode::After(USUAL), port).await;
    call.await.unwrap().unwrap();
    let seen = endpoint(&directory, &replica);
    assert!(seen.last_error.is_some() && seen.connections > 0, "{seen:?}");
}

#[tokio::test]
async fn calls_inherit_the_criticality_of_those_they_are_made_for() {
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::After(USUAL)).await];
    let directory = directory(&replicas);
    let mut client = client(&directory);
    read(&mut client).await.unwrap();
    criticality::within(Criticality::SheddablePlus, read(&mut client)).await.unwrap();
    let sent: Vec<_> = replicas[0].headers().into_iter().map(|(_, criticality)| criticality).collect();
    assert_eq!(sent, [None, Some("SHEDDABLE_PLUS".to_owned())]);
}

#[tokio::test]
async fn the_admin_view_can_be_written_down() {
    let world = World::new();
    let replicas = [Replica::start(&world, Mode::After(USUAL)).await];
    let directory = directory(&replicas);
    assert!(directory.admin().is_empty(), "nobody has called yet");
    read(&mut client(&directory)).await.unwrap();
    let json = serde_json::to_value(directory.admin()).unwrap();
    assert_eq!(json[0]["service"], "identity");
    assert_eq!(json[0]["endpoints"][0]["state"], "open");
    assert_eq!(json[0]["endpoints"][0]["ejections"], 0);
    assert!(json[0]["endpoints"][0]["load_seconds"].as_f64().unwrap() > 0.0);
}
