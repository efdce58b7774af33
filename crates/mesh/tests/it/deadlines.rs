//! Deadlines of calls and of streams.

use std::time::Duration;

use http_body_util::Full;
use kvartal_kernel::Role;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{World, frame, read};

#[tokio::test(start_paused = true)]
async fn a_slow_handler_ends_at_the_contracts_deadline() {
    let world = World::new();
    let started = Instant::now();
    let status = world.audit().list_records(world.list("slow")).await.unwrap_err();
    assert_eq!((status.code(), started.elapsed().as_secs()), (Code::DeadlineExceeded, 5));
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "DEADLINE_EXCEEDED");
}

#[tokio::test(start_paused = true)]
async fn a_client_may_have_less_patience_but_not_more() {
    let world = World::new();
    for (asked, expected) in [(2, 2), (60, 5)] {
        let mut request = world.list("slow");
        request.set_timeout(Duration::from_secs(asked));
        let started = Instant::now();
        let status = world.audit().list_records(request).await.unwrap_err();
        assert_eq!((status.code(), started.elapsed().as_secs()), (Code::DeadlineExceeded, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_knows_what_is_left() {
    let world = World::new();
    let left = world.audit().list_records(world.list("remaining")).await.unwrap().into_inner().next_page_token;
    assert_eq!(left, "5000");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_the_contracts_deadline_and_asks_to_be_opened_again() {
    let world = World::new();
    for kind in ["silent", "busy", ""] {
        let started = Instant::now();
        let mut stream = world.notification().watch_notifications(world.watch(kind)).await.unwrap().into_inner();
        if kind == "busy" {
            assert!(stream.message().await.unwrap().is_some());
            tokio::time::advance(Duration::from_secs(3_300)).await;
        }
        let status = loop {
            match stream.message().await {
                Ok(message) => assert!(message.is_some()),
                Err(status) => break status,
            }
        };
        assert_eq!((status.code(), started.elapsed().as_secs()), (Code::Unavailable, 3_300), "{kind}");
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "STREAM_ENDED");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_client_has_waited_long_enough() {
    let world = World::new();
    let mut request = world.watch("silent");
    request.set_timeout(Duration::from_secs(7));
    let started = Instant::now();
    let mut stream = world.notification().watch_notifications(request).await.unwrap().into_inner();
    let status = stream.message().await.unwrap_err();
    assert_eq!((status.code(), started.elapsed().as_secs()), (Code::DeadlineExceeded, 7));
}

#[tokio::test]
async fn a_malformed_or_spent_timeout_is_answered_at_once() {
    let world = World::new();
    for (timeout, expected) in
        [("0m", Code::DeadlineExceeded), ("1", Code::InvalidArgument), ("-1S", Code::InvalidArgument)]
    {
        let request = http::Request::post("/kvartal.audit.v1.AuditService/ListRecords")
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {}", world.token(&[Role::Admin])))
            .header("grpc-timeout", timeout)
            .body(tonic::body::Body::new(Full::from(frame(&[0x2a, 4, b's', b'l', b'o', b'w']))))
            .unwrap();
        let answer = read(world.audit.handle(request).await).await;
        assert_eq!(answer.code, Some(expected as i32), "{timeout}");
    }
}
