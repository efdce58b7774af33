//! What happened becomes a record, once, and is found again.

use kvartal_kernel::{Clock as _, SystemClock, Timestamp};
use kvartal_mesh::from_status;
use kvartal_proto::audit::v1::{ListRecordsRequest, VerifyChainRequest};
use kvartal_proto::identity::v1::{RefreshTokenReused, SessionStarted};
use kvartal_proto::time::to_proto;
use tonic::Code;

use crate::stage::{Database, Stage, call, granted, person};
use kvartal_events::Event;

crate::on_both_databases![
    calls_and_security_events_become_records,
    an_event_that_comes_again_is_recorded_once,
    records_are_found_by_actor_subject_type_and_time,
    pages_follow_one_another,
    a_denied_call_is_recorded_with_who_made_it,
];

async fn calls_and_security_events_become_records(database: Database) {
    let stage = Stage::start(database).await;
    let started = SessionStarted {
        user_id: "u".into(),
        session_id: "s1".into(),
        user_agent: "Browser/1".into(),
        address: "203.0.113.7".into(),
        known_device: true,
    };
    let reused = RefreshTokenReused { user_id: "u".into(), session_id: "s1".into() };
    let now = SystemClock.now();
    let events = [
        call("root", "OK"),
        granted("u", now),
        Event::new("identity", "u", now, &started),
        Event::new("identity", "u", now, &reused),
    ];
    for event in &events {
        stage.publish(std::slice::from_ref(event)).await;
    }
    let mut records = stage.records(4).await;
    let sequences: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [4, 3, 2, 1]);
    for pair in records.windows(2) {
        assert_eq!(pair[0].previous_hash, pair[1].hash);
    }
    assert_eq!(records[3].previous_hash, "0".repeat(64));
    let mut take = |event: &Event| {
        let at = records.iter().position(|record| record.event_id == event.id.to_string()).unwrap();
        records.remove(at)
    };
    let record = take(&events[0]);
    assert_eq!((record.actor_id.as_str(), record.outcome.as_str()), ("root", "OK"));
    assert_eq!(record.method, "/kvartal.identity.v1.IdentityService/GrantRole");
    assert_eq!((record.source.as_str(), record.details.as_str()), ("identity", "session_id=s"));
    let record = take(&events[1]);
    assert_eq!((record.actor_id.as_str(), record.subject.as_str()), ("root", "u"));
    assert_eq!(record.details, "user_id=u; role=ROLE_DISPATCHER");
    assert_eq!(record.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(record.time, Some(to_proto(now)));
    let record = take(&events[2]);
    assert_eq!(record.details, "user_id=u; session_id=s1; known_device=true");
    assert_eq!(take(&events[3]).actor_id, "");
    assert!(stage.runtime.shutdown().await.clean());
}

async fn an_event_that_comes_again_is_recorded_once(database: Database) {
    let stage = Stage::start(database).await;
    let event = call("root", "OK");
    stage.publish(&[event.clone(), event.clone(), call("root", "INTERNAL")]).await;
    stage.records(2).await;
    let elsewhere = Event { subject: "another lane".into(), ..event.clone() };
    stage.publish(&[elsewhere, event]).await;
    // The inbox of events has forgotten them, as it does after two weeks.
    let table = "inbox";
    stage.sql(format!("DELETE FROM {table}")).await.unwrap();
    let event = call("root", "NOT_FOUND");
    stage.publish(std::slice::from_ref(&event)).await;
    stage.records(3).await;
    stage.sql(format!("DELETE FROM {table}")).await.unwrap();
    stage.publish(&[Event { subject: "another lane".into(), ..event }, call("last", "OK")]).await;
    let records = stage.records(4).await;
    assert!(records.iter().any(|record| record.actor_id == "last"));
    assert!(stage.verify(0).await.intact);
}

async fn records_are_found_by_actor_subject_type_and_time(database: Database) {
    let stage = Stage::start(database).await;
    let at = |seconds: i64| Timestamp(1_795_000_000_000_000 + seconds * 1_000_000);
    for seconds in 0..4 {
        stage.publish(&[granted(&format!("u{seconds}"), at(seconds))]).await;
    }
    stage.publish(&[call("u1", "OK"), call("u2", "OK")]).await;
    stage.records(6).await;
    let count = |request: ListRecordsRequest| async { stage.list(request).await.len() };
    assert_eq!(count(ListRecordsRequest { actor_id: "u1".into(), ..Default::default() }).await, 1);
    assert_eq!(count(ListRecordsRequest { subject: "u1".into(), ..Default::default() }).await, 2);
    let kind = "kvartal.identity.v1.RoleGranted";
    assert_eq!(count(ListRecordsRequest { r#type: kind.into(), ..Default::default() }).await, 4);
    let between =
        ListRecordsRequest { start_time: Some(to_proto(at(1))), end_time: Some(to_proto(at(3))), ..Default::default() };
    let found: Vec<_> = stage.list(between.clone()).await.into_iter().map(|record| record.subject).collect();
    assert_eq!(found.len(), 2, "from the start, before the end");
    assert!(found.contains(&"u1".to_owned()) && found.contains(&"u2".to_owned()));
    assert_eq!(count(ListRecordsRequest { subject: "u2".into(), ..between }).await, 1);
    assert_eq!(count(ListRecordsRequest { actor_id: "nobody".into(), ..Default::default() }).await, 0);
}

async fn pages_follow_one_another(database: Database) {
    let stage = Stage::start(database).await;
    let events: Vec<_> = (0..11).map(|number| call(&format!("u{}", number % 2), "OK")).collect();
    stage.publish(&events).await;
    stage.records(11).await;
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRecordsRequest { page_size: 4, page_token: page_token.clone(), ..Default::default() };
        let page = stage.client().list_records(stage.request("admin", request)).await.unwrap().into_inner();
        seen.extend(page.records.iter().map(|record| record.sequence));
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    assert_eq!(seen, (1..=11).rev().collect::<Vec<_>>());
    let misplaced = ListRecordsRequest { page_token, actor_id: "u1".into(), ..Default::default() };
    let refused = stage.client().list_records(stage.request("admin", misplaced)).await.unwrap_err();
    assert_eq!(from_status(&refused).field_violations()[0].field, "page_token");
}

async fn a_denied_call_is_recorded_with_who_made_it(database: Database) {
    let stage = Stage::start(database).await;
    let request = stage.request("citizen", VerifyChainRequest::default());
    let denied = stage.client().verify_chain(request).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let record = stage.records(1).await.remove(0);
    assert_eq!(record.method, "/kvartal.audit.v1.AuditService/VerifyChain");
    assert_eq!((record.actor_id, record.outcome.as_str()), (person().to_string(), "PERMISSION_DENIED"));
    assert_eq!((record.source.as_str(), record.r#type.as_str()), ("audit", "kvartal.audit.v1.CallAudited"));
    let listed = stage.client().list_records(stage.request("support", ListRecordsRequest::default())).await;
    assert_eq!(listed.unwrap_err().code(), Code::PermissionDenied);
}
