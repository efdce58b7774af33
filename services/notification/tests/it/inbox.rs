//! The inbox: pages, unread, archive, and nobody else's.

use std::time::Duration;

use kvartal_kernel::Uuid;
use kvartal_mesh::from_status;
use kvartal_proto::identity::v1::{RefreshTokenReused, RoleGranted};
use kvartal_proto::incident::v1::{Incident, IncidentAssigned, Report, ReportReceived};
use kvartal_proto::notification::v1::{
    ArchiveNotificationsRequest, Kind, ListNotificationsRequest, MarkNotificationsReadRequest,
};
use tonic::Code;

use crate::stage::{Database, Person, Stage, event, password_changed, report_changed};

crate::on_both_databases![
    each_event_makes_its_line,
    pages_follow_one_another,
    reading_and_archiving_count_down_once,
    nobody_reaches_into_another_inbox,
    a_change_of_language_changes_the_inbox,
];

async fn read(person: &Person, ids: &[&str]) -> u32 {
    let notification_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let request = MarkNotificationsReadRequest { notification_ids, all: ids.is_empty() };
    person.client().mark_notifications_read(person.request(request)).await.unwrap().into_inner().unread_count
}

async fn archive(person: &Person, id: &str) -> u32 {
    let request = ArchiveNotificationsRequest { notification_ids: vec![id.to_owned()] };
    person.client().archive_notifications(person.request(request)).await.unwrap().into_inner().unread_count
}

async fn each_event_makes_its_line(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.person(&[]);
    let (id, thing) = (person.id.to_string(), Uuid::from_u128(9).to_string());
    let report = Report { report_id: thing.clone(), tracking_number: "KV-9".into(), ..Default::default() };
    let incident = Incident { incident_id: thing.clone(), title: "ДТП".into(), priority: 3, ..Default::default() };
    stage
        .publish(&[
            password_changed(person.id),
            event(&RoleGranted { user_id: id.clone(), role: 2, actor_id: String::new() }),
            event(&RefreshTokenReused { user_id: id.clone(), session_id: "s".into() }),
            event(&ReportReceived { report: Some(report), reporter_id: id.clone() }),
            report_changed(&[person.id], "KV-8"),
            event(&IncidentAssigned { incident: Some(incident), assignee_id: id.clone(), actor_id: String::new() }),
        ])
        .await;
    let inbox = person.inbox_of(6).await;
    assert_eq!(inbox.unread_count, 6);
    let line = |kind: Kind| inbox.notifications.iter().find(|line| line.kind() == kind).unwrap();
    assert_eq!(line(Kind::RoleGranted).title, "Вам назначена роль: диспетчер");
    assert_eq!(line(Kind::SessionCompromised).link, "/account/sessions");
    assert_eq!(line(Kind::PasswordChanged).title, "Пароль изменён");
    let received = line(Kind::ReportReceived);
    assert_eq!(
        (received.subject.as_str(), received.link.as_str()),
        (thing.as_str(), format!("/reports/{thing}").as_str())
    );
    assert_eq!(line(Kind::ReportStatusChanged).title, "Сообщение KV-8: выполняется");
    assert_eq!(line(Kind::ReportStatusChanged).body, "Бригада выезжает.");
    let assigned = line(Kind::IncidentAssigned);
    assert_eq!(assigned.link, format!("/incidents/{thing}"));
    assert!(assigned.title.contains("ДТП") && assigned.body.contains("высокий"), "{assigned:?}");
}

async fn pages_follow_one_another(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    let numbers: Vec<String> = (0..7).map(|number| format!("KV-{number}")).collect();
    for number in &numbers {
        let mut event = report_changed(&[person.id], number);
        event.subject = "one".to_owned();
        stage.publish(&[event]).await;
    }
    person.inbox_of(7).await;
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListNotificationsRequest { page_size: 3, page_token, unread_only: true };
        let page = person.client().list_notifications(person.request(request)).await.unwrap().into_inner();
        assert_eq!(page.unread_count, 7);
        seen.extend(page.notifications.into_iter().map(|line| line.title));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let newest_first: Vec<_> = numbers.iter().rev().map(|number| format!("Сообщение {number}: выполняется")).collect();
    assert_eq!(seen, newest_first);
    // A token of the unread is none of the whole inbox.
    let request = ListNotificationsRequest { page_size: 3, unread_only: true, ..Default::default() };
    let page = person.client().list_notifications(person.request(request)).await.unwrap().into_inner();
    let request = ListNotificationsRequest { page_token: page.next_page_token, ..Default::default() };
    let refused = person.client().list_notifications(person.request(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

async fn reading_and_archiving_count_down_once(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    for number in 0..4 {
        stage.publish(&[report_changed(&[person.id], &format!("KV-{number}"))]).await;
    }
    let inbox = person.inbox_of(4).await;
    let id = |index: usize| inbox.notifications[index].notification_id.as_str();
    assert_eq!(read(&person, &[id(0)]).await, 3);
    assert_eq!(read(&person, &[id(0), id(1)]).await, 2);
    assert!(person.inbox().await.notifications[0].read_time.is_some());
    assert_eq!(archive(&person, id(0)).await, 2);
    assert_eq!(archive(&person, id(2)).await, 1);
    assert_eq!(archive(&person, id(2)).await, 1);
    let left: Vec<_> = person.inbox().await.notifications.into_iter().map(|line| line.notification_id).collect();
    assert_eq!(left, [id(1), id(3)]);
    assert_eq!(read(&person, &[]).await, 0);
    assert_eq!(person.inbox().await.unread_count, 0);

    let both = MarkNotificationsReadRequest { notification_ids: vec![id(1).to_owned()], all: true };
    let neither = MarkNotificationsReadRequest::default();
    for request in [both, neither] {
        let refused = person.client().mark_notifications_read(person.request(request)).await.unwrap_err();
        assert_eq!(from_status(&refused).field_violations()[0].field, "notification_ids");
    }
}

async fn nobody_reaches_into_another_inbox(database: Database) {
    let stage = Stage::start(database).await;
    let (owner, other) = (stage.stranger(&[]), stage.stranger(&[]));
    stage.publish(&[report_changed(&[owner.id], "KV-1"), report_changed(&[other.id], "KV-2")]).await;
    let line = owner.inbox_of(1).await.notifications.remove(0);
    other.inbox_of(1).await;
    assert_eq!(read(&other, &[&line.notification_id]).await, 1);
    assert_eq!(archive(&other, &line.notification_id).await, 1);
    let inbox = owner.inbox().await;
    assert_eq!((inbox.unread_count, inbox.notifications), (1, vec![line]));
}

async fn a_change_of_language_changes_the_inbox(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    stage.identity.knows(person.id, "", "Ann", "en");
    stage.publish(&[password_changed(person.id)]).await;
    assert_eq!(person.inbox_of(1).await.notifications[0].title, "Your password was changed");
    // Asked once and remembered for a minute; the mail, which goes its own way, may ask beside it.
    let remembered = async || {
        let asked = stage.identity.asked();
        person.inbox().await;
        stage.identity.asked() == asked
    };
    kvartal_testing::eventually(Duration::from_secs(10), remembered).await;
}
