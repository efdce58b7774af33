//! Deliveries survive mail servers that are away, and say why they failed.

use std::time::Duration;

use kvartal_mesh::from_status;
use kvartal_proto::notification::v1::{
    Delivery, DeliveryState, ListDeliveriesRequest, RetryDeliveryRequest, RetryDeliveryResponse,
};
use kvartal_testing::{SmtpMode, eventually};
use tonic::{Code, Status};

use crate::stage::{Database, Person, SOON, Stage, password_changed, report_changed, reset};

crate::on_both_databases![
    a_mail_waits_for_a_server_that_is_away,
    a_server_that_says_nothing_is_given_up_and_asked_again,
    a_refusal_for_good_fails_at_once_and_can_be_retried,
    a_server_that_never_recovers_is_given_up,
    a_mail_with_a_token_cannot_be_retried,
    identity_may_be_away,
    an_attempt_that_never_came_back_is_written_down,
    deliveries_are_listed_by_page_person_and_state,
];

async fn retry(admin: &Person, delivery: &Delivery) -> Result<RetryDeliveryResponse, Status> {
    let request = RetryDeliveryRequest { delivery_id: delivery.delivery_id.clone() };
    admin.client().retry_delivery(admin.request(request)).await.map(tonic::Response::into_inner)
}

async fn a_mail_waits_for_a_server_that_is_away(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.person(&[]);
    stage.smtp.set_mode(SmtpMode::Refuse).await;
    stage.publish(&[password_changed(person.id)]).await;
    let waiting = eventually(SOON, || async {
        let delivery = stage.mail_delivery(person.id, DeliveryState::Pending).await;
        (delivery.attempt_count >= 2).then_some(delivery)
    })
    .await;
    assert!(waiting.last_error.contains("could not be reached"), "{waiting:?}");
    assert!(waiting.next_attempt_time.is_some() && waiting.attempt_time.is_some());
    // The inbox does not wait for the mail server.
    assert_eq!(person.inbox().await.unread_count, 1);
    stage.smtp.set_mode(SmtpMode::Accept).await;
    let delivered = stage.mail_delivery(person.id, DeliveryState::Delivered).await;
    assert_eq!((delivered.last_error.as_str(), delivered.next_attempt_time), ("", None));
    assert_eq!(stage.smtp.mails_to(&person.email).len(), 1);
    stage.stop().await;
}

async fn a_server_that_says_nothing_is_given_up_and_asked_again(database: Database) {
    let stage = Stage::start_with(database, |config| config.mail_timeout = Duration::from_millis(300)).await;
    let person = stage.person(&[]);
    stage.smtp.set_mode(SmtpMode::Stall).await;
    stage.publish(&[password_changed(person.id)]).await;
    eventually(SOON, || async {
        let delivery = stage.mail_delivery(person.id, DeliveryState::Pending).await;
        delivery.last_error.contains("took too long").then_some(()).ok_or(delivery)
    })
    .await;
    stage.smtp.set_mode(SmtpMode::Accept).await;
    stage.mail_delivery(person.id, DeliveryState::Delivered).await;
}

async fn a_refusal_for_good_fails_at_once_and_can_be_retried(database: Database) {
    let stage = Stage::start(database).await;
    let (person, admin) = (stage.person(&[]), stage.person(&["admin"]));
    stage.smtp.set_mode(SmtpMode::FailPermanently).await;
    stage.publish(&[password_changed(person.id)]).await;
    let failed = stage.mail_delivery(person.id, DeliveryState::Failed).await;
    assert_eq!(failed.attempt_count, 1);
    assert_eq!(failed.last_error, "the mail server answered 550: 5.1.1 no such mailbox");
    assert_eq!(failed.next_attempt_time, None);

    stage.smtp.set_mode(SmtpMode::Accept).await;
    let again = retry(&admin, &failed).await.unwrap().delivery.unwrap();
    assert_eq!((again.state(), again.attempt_count, again.last_error.as_str()), (DeliveryState::Pending, 0, ""));
    let delivered = stage.mail_delivery(person.id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempt_count, 1);
    assert_eq!(stage.smtp.mails_to(&person.email).len(), 1);
    let refused = from_status(&retry(&admin, &delivered).await.unwrap_err());
    assert_eq!(refused.reason(), "DELIVERY_NOT_FAILED");
    let nowhere = Delivery { delivery_id: person.id.to_string(), ..Default::default() };
    assert_eq!(retry(&admin, &nowhere).await.unwrap_err().code(), Code::NotFound);
}

async fn a_server_that_never_recovers_is_given_up(database: Database) {
    let stage = Stage::start_with(database, |config| config.mail_attempts = 3).await;
    let person = stage.person(&[]);
    stage.smtp.set_mode(SmtpMode::FailTransiently).await;
    stage.publish(&[password_changed(person.id)]).await;
    let failed = stage.mail_delivery(person.id, DeliveryState::Failed).await;
    assert_eq!(failed.attempt_count, 3);
    assert_eq!(failed.last_error, "the mail server answered 451: 4.3.0 try again later");
}

async fn a_mail_with_a_token_cannot_be_retried(database: Database) {
    let stage = Stage::start(database).await;
    let (person, admin) = (stage.person(&[]), stage.person(&["admin"]));
    stage.smtp.set_mode(SmtpMode::FailPermanently).await;
    stage.publish(&[reset(person.id, &person.email, "T0ken")]).await;
    let failed = stage.mail_delivery(person.id, DeliveryState::Failed).await;
    for table in ["deliveries", "notifications", "mail_confidences", "job"] {
        let rows = stage.dump(table).await;
        assert!(!rows.contains("T0ken") && !rows.contains(&person.email), "{table}: {rows}");
    }
    let refused = retry(&admin, &failed).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(from_status(&refused).reason(), "CONTENT_ERASED");
    assert_eq!(stage.smtp.mails(), []);
}

async fn identity_may_be_away(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.person(&[]);
    stage.identity.set_down(true);
    stage.publish(&[password_changed(person.id)]).await;
    person.inbox_of(1).await;
    eventually(SOON, || async {
        let delivery = stage.mail_delivery(person.id, DeliveryState::Pending).await;
        delivery.last_error.starts_with("no address").then_some(()).ok_or(delivery)
    })
    .await;
    stage.identity.set_down(false);
    stage.mail_delivery(person.id, DeliveryState::Delivered).await;
    assert_eq!(stage.smtp.mails_to(&person.email).len(), 1);
}

async fn an_attempt_that_never_came_back_is_written_down(database: Database) {
    let stage = Stage::start_with(database, |config| {
        config.mail_attempts = 2;
        config.mail_retry_delay = Duration::from_secs(1);
    })
    .await;
    let (person, user) = (stage.person(&[]), kvartal_kernel::Uuid::new_v4());
    stage.smtp.set_mode(SmtpMode::Refuse).await;
    stage.publish(&[reset(user, &person.email, "T0ken")]).await;
    eventually(SOON, || async {
        let delivery = stage.mail_delivery(user, DeliveryState::Pending).await;
        (delivery.attempt_count == 1 && !delivery.last_error.is_empty()).then_some(()).ok_or(delivery)
    })
    .await;
    assert!(stage.dump("mail_confidences").await.contains("T0ken"));
    // As if the second and last worker had died after it began.
    stage.sql("UPDATE deliveries SET attempt_count = 2").await;
    stage.smtp.set_mode(SmtpMode::Accept).await;
    let failed = stage.mail_delivery(user, DeliveryState::Failed).await;
    assert_eq!(failed.last_error, "interrupted during the last attempt");
    assert_eq!(stage.dump("mail_confidences").await, "");
    assert_eq!(stage.smtp.mails(), []);
}

async fn deliveries_are_listed_by_page_person_and_state(database: Database) {
    let stage = Stage::start(database).await;
    let (one, other, support) = (stage.person(&[]), stage.stranger(&[]), stage.stranger(&["support"]));
    for number in 0..5 {
        stage.publish(&[report_changed(&[one.id, other.id], &format!("KV-{number}"))]).await;
    }
    let mut request = ListDeliveriesRequest { page_size: 3, ..Default::default() };
    request.state = DeliveryState::Suppressed.into();
    let list = |request: ListDeliveriesRequest| async {
        support.client().list_deliveries(support.request(request)).await.unwrap().into_inner()
    };
    eventually(SOON, || async {
        list(ListDeliveriesRequest { page_size: 200, ..request.clone() }).await.deliveries.len() == 5
    })
    .await;
    let first = list(request.clone()).await;
    assert_eq!(first.deliveries.len(), 3);
    let rest = list(ListDeliveriesRequest { page_token: first.next_page_token.clone(), ..request.clone() }).await;
    assert_eq!((rest.deliveries.len(), rest.next_page_token.as_str()), (2, ""));
    let all: Vec<_> = first.deliveries.iter().chain(&rest.deliveries).collect();
    assert!(all.iter().all(|delivery| delivery.user_id == other.id.to_string()));
    let age = |delivery: &Delivery| {
        let time = delivery.create_time.unwrap();
        (time.seconds, time.nanos, delivery.delivery_id.clone())
    };
    assert!(all.windows(2).all(|pair| age(pair[0]) > age(pair[1])), "newest first");
    // A token serves the list it came from.
    let misplaced = ListDeliveriesRequest { page_token: first.next_page_token, ..Default::default() };
    let refused = support.client().list_deliveries(support.request(misplaced)).await.unwrap_err();
    assert_eq!(from_status(&refused).field_violations()[0].field, "page_token");
}
