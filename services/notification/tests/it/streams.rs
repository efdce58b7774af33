//! The live inbox: what arrives is said once, whatever happens to the stream.

use std::collections::HashSet;
use std::time::Duration;

use kvartal_kernel::Uuid;
use kvartal_mesh::from_status;
use kvartal_proto::notification::v1::{
    MarkNotificationsReadRequest, WatchNotificationsRequest, WatchNotificationsResponse,
};
use tonic::{Code, Streaming};

use crate::stage::{Database, Person, SOON, Stage, report_changed};

crate::on_both_databases![
    a_stream_begins_with_the_count_and_goes_on_live,
    resuming_loses_nothing_and_repeats_nothing,
    reading_elsewhere_is_told,
    a_token_serves_its_owner_only,
    streams_end_when_the_process_does,
];

async fn watch(person: &Person, resume_token: &str) -> Streaming<WatchNotificationsResponse> {
    let request = WatchNotificationsRequest { resume_token: resume_token.to_owned() };
    person.client().watch_notifications(person.request(request)).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<WatchNotificationsResponse>) -> WatchNotificationsResponse {
    tokio::time::timeout(SOON, stream.message()).await.expect("in time").unwrap().expect("the stream goes on")
}

/// The next message that is no heartbeat.
async fn arrival(stream: &mut Streaming<WatchNotificationsResponse>) -> (String, String) {
    loop {
        let message = next(stream).await;
        if let Some(notification) = message.notification {
            return (notification.title, message.resume_token);
        }
    }
}

async fn a_stream_begins_with_the_count_and_goes_on_live(database: Database) {
    let stage = Stage::start(database).await;
    let (person, other) = (stage.stranger(&[]), stage.stranger(&[]));
    stage.publish(&[report_changed(&[person.id], "KV-before")]).await;
    person.inbox_of(1).await;
    let mut stream = watch(&person, "").await;
    let first = next(&mut stream).await;
    assert_eq!((first.unread_count, &first.notification), (1, &None));
    assert!(!first.resume_token.is_empty());
    stage.publish(&[report_changed(&[other.id], "KV-others"), report_changed(&[person.id], "KV-live")]).await;
    let message = next(&mut stream).await;
    assert_eq!(message.notification.unwrap().title, "Сообщение KV-live: выполняется");
    assert_eq!(message.unread_count, 2);
}

async fn resuming_loses_nothing_and_repeats_nothing(database: Database) {
    const EVENTS: usize = 60;
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    let mut stream = watch(&person, "").await;
    let mut token = next(&mut stream).await.resume_token;
    let publish = async {
        for number in 0..EVENTS {
            // Other receivers make the transactions differ in length, so that they overtake one another.
            let mut audience: Vec<_> = (0..number % 7 * 20).map(|_| Uuid::new_v4()).collect();
            audience.push(person.id);
            stage.publish(&[report_changed(&audience, &format!("KV-{number}"))]).await;
        }
    };
    let read = async {
        let mut seen = Vec::new();
        while seen.len() < EVENTS {
            for _ in 0..(seen.len() % 5 + 1).min(EVENTS - seen.len()) {
                let (title, at) = arrival(&mut stream).await;
                seen.push(title);
                token = at;
            }
            // Cut, and taken up again with the last token.
            stream = watch(&person, &token).await;
        }
        seen
    };
    let ((), seen) = tokio::join!(publish, read);
    let distinct: HashSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), EVENTS, "something came twice: {seen:?}");
    let inbox: Vec<_> = person.inbox().await.notifications.into_iter().rev().map(|line| line.title).collect();
    assert_eq!(seen, inbox, "the stream and the list agree");
    let quiet = next(&mut stream).await;
    assert_eq!((quiet.notification, quiet.unread_count), (None, 60));
}

async fn reading_elsewhere_is_told(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    stage.publish(&[report_changed(&[person.id], "KV-1")]).await;
    person.inbox_of(1).await;
    let mut stream = watch(&person, "").await;
    assert_eq!(next(&mut stream).await.unread_count, 1);
    let everything = MarkNotificationsReadRequest { all: true, ..Default::default() };
    person.client().mark_notifications_read(person.request(everything)).await.unwrap();
    let told = next(&mut stream).await;
    assert_eq!((told.unread_count, told.notification), (0, None));
}

async fn a_token_serves_its_owner_only(database: Database) {
    let stage = Stage::start(database).await;
    let (person, other) = (stage.stranger(&[]), stage.stranger(&[]));
    let token = next(&mut watch(&person, "").await).await.resume_token;
    for resume_token in [token, "nonsense".to_owned()] {
        let request = WatchNotificationsRequest { resume_token };
        let refused = other.client().watch_notifications(other.request(request)).await.unwrap_err();
        assert_eq!(from_status(&refused).field_violations()[0].field, "resume_token");
    }
}

async fn streams_end_when_the_process_does(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    let mut stream = watch(&person, "").await;
    next(&mut stream).await;
    let ended = tokio::time::timeout(SOON, async {
        loop {
            if let Err(status) = stream.message().await {
                return status;
            }
        }
    });
    let (ended, ()) = tokio::join!(ended, stage.stop());
    assert_eq!(ended.unwrap().code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_replica_is_told_within_a_second() {
    let stage = Stage::start(Database::Postgres).await;
    let (replica, _folder) = stage.replica().await;
    let person = stage.stranger(&[]);
    let elsewhere = stage.visitor(&replica, person.id, &[]);
    let mut stream = watch(&elsewhere, "").await;
    next(&mut stream).await;
    stage.publish(&[report_changed(&[person.id], "KV-1")]).await;
    person.inbox_of(1).await;
    let arrived = tokio::time::timeout(Duration::from_secs(2), arrival(&mut stream)).await;
    assert_eq!(arrived.expect("soon").0, "Сообщение KV-1: выполняется");
    // A stream that nobody reads any more would be cut at the end.
    drop(stream);
    assert!(replica.shutdown().await.clean());
}
