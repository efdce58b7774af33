//! What ends streams, and what does not.

use std::time::Duration;

use kvartal_mesh::auth::Revoke as _;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{FOREVER, SESSION, World};

#[tokio::test]
async fn a_stream_delivers_resumes_and_ends() {
    let world = World::new();
    let mut stream = world.notification().watch_notifications(world.watch("")).await.unwrap().into_inner();
    world.feed.publish(1);
    world.feed.publish(2);
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.unread_count, 1);
    drop(stream);
    let again = world.watch(&first.resume_token);
    let mut stream = world.notification().watch_notifications(again).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().unread_count, 2);

    let mut short = world.notification().watch_notifications(world.watch("short")).await.unwrap().into_inner();
    assert!(short.message().await.unwrap().is_some() && short.message().await.unwrap().is_some());
    assert!(short.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_beats_every_fifteen_seconds() {
    let world = World::new();
    let mut stream = world.notification().watch_notifications(world.watch("")).await.unwrap().into_inner();
    for beat in 1..=3 {
        let started = Instant::now();
        let message = stream.message().await.unwrap().unwrap();
        assert_eq!((message.unread_count, started.elapsed().as_secs()), (0, 15), "{beat}");
        assert!(!message.resume_token.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_a_second_of_the_revocation_of_its_session() {
    for kind in ["silent", "busy"] {
        let world = World::new();
        let mut stream = world.notification().watch_notifications(world.watch(kind)).await.unwrap().into_inner();
        tokio::time::advance(Duration::from_millis(1_234)).await;
        let revoked = Instant::now();
        world.revocations.revoke_session(SESSION, FOREVER).await.unwrap();
        let status = loop {
            match stream.message().await {
                // A busy stream never waits; let time pass.
                Ok(_) => tokio::time::advance(Duration::from_millis(10)).await,
                Err(status) => break status,
            }
        };
        assert_eq!(status.code(), Code::Unauthenticated, "{kind}");
        assert!(revoked.elapsed() <= Duration::from_secs(1), "{kind}: {:?}", revoked.elapsed());
        assert!(world.notification().watch_notifications(world.watch(kind)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn streams_end_at_shutdown_and_calls_do_not() {
    let world = World::new();
    let mut silent = world.notification().watch_notifications(world.watch("silent")).await.unwrap().into_inner();
    let mut busy = world.notification().watch_notifications(world.watch("busy")).await.unwrap().into_inner();
    world.stop.cancel();
    for stream in [&mut silent, &mut busy] {
        let status = loop {
            match stream.message().await {
                Ok(message) => assert!(message.is_some()),
                Err(status) => break status,
            }
        };
        assert_eq!(status.code(), Code::Unavailable);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "STREAM_ENDED");
        assert!(details.retry_info().unwrap().retry_delay.is_some());
    }
    world.audit().list_records(world.list("")).await.unwrap();
    world.calls.close();
    world.calls.wait().await;
}
