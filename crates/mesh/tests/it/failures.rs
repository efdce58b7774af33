//! Our own faults: answered without details, and the next call works.

use kvartal_mesh::server::{Limits, Stack};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::World;

fn tells_nothing(status: &Status) {
    assert_eq!((status.code(), status.message()), (Code::Internal, "something went wrong on our side"));
    assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "INTERNAL");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_next_call_works() {
    let world = World::new();
    tells_nothing(&world.audit().list_records(world.list("panic")).await.unwrap_err());
    world.audit().list_records(world.list("")).await.unwrap();
    tells_nothing(&world.audit().verify_chain(world.verify_chain(2)).await.unwrap_err());
    world.audit().verify_chain(world.verify_chain(0)).await.unwrap();
}

#[tokio::test]
async fn a_panic_within_a_stream_ends_that_stream_only() {
    let world = World::new();
    let mut other = world.notification().watch_notifications(world.watch("")).await.unwrap().into_inner();
    let mut stream = world.notification().watch_notifications(world.watch("panic")).await.unwrap().into_inner();
    tells_nothing(&stream.message().await.unwrap_err());
    world.feed.publish(9);
    assert_eq!(other.message().await.unwrap().unwrap().unread_count, 9);
}

#[tokio::test]
async fn internal_messages_stay_inside_however_a_handler_sends_them() {
    let world = World::new();
    for what in ["internal", "raw internal", "raw unknown"] {
        tells_nothing(&world.audit().list_records(world.list(what)).await.unwrap_err());
    }
    let mut stream = world.notification().watch_notifications(world.watch("error")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    tells_nothing(&stream.message().await.unwrap_err());
}

#[tokio::test]
async fn other_errors_reach_the_caller_as_they_are() {
    let world = World::new();
    let status = world.audit().list_records(world.list("missing")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "there is no such record"));
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "RECORD_NOT_FOUND");
    // tonic uses this code for messages over a limit, handlers for what they like.
    let status = world.audit().list_records(world.list("beyond")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "there are three pages"));
}

#[tokio::test]
async fn too_many_calls_at_once_are_turned_away_and_places_are_given_back() {
    let world = World::with(|stack| Stack { limits: Limits { calls_max: 1, streams_max: 1, ..stack.limits }, ..stack });
    let (mut first, request) = (world.audit(), world.verify_chain(3));
    let waiting = tokio::spawn(async move { first.verify_chain(request).await });
    tokio::task::yield_now().await;
    let status = world.audit().list_records(world.list("")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
    world.gate.notify_one();
    waiting.await.unwrap().unwrap();
    world.audit().list_records(world.list("")).await.unwrap();

    let stream = world.notification().watch_notifications(world.watch("silent")).await.unwrap();
    assert!(world.notification().watch_notifications(world.watch("silent")).await.is_err());
    drop(stream);
    world.notification().watch_notifications(world.watch("silent")).await.unwrap();
}

#[tokio::test]
async fn shutdown_can_wait_for_calls() {
    let world = World::new();
    let (mut client, request) = (world.audit(), world.verify_chain(3));
    let waiting = tokio::spawn(async move { client.verify_chain(request).await });
    tokio::task::yield_now().await;
    world.calls.close();
    assert!(!world.calls.is_empty());
    world.gate.notify_one();
    world.calls.wait().await;
    waiting.await.unwrap().unwrap();
}
