//! Mails arrive, once, and nothing secret stays behind.

use kvartal_kernel::{Clock as _, SystemClock, Uuid};
use kvartal_proto::identity::v1::{EmailConfirmationRequested, SessionStarted};
use kvartal_proto::notification::v1::{DeliveryState, Kind};
use kvartal_testing::{SmtpMode, eventually};

use crate::stage::{Database, SOON, Stage, confirmation, event, password_changed, report_changed, reset};

crate::on_both_databases![
    a_confirmation_arrives_and_leaves_nothing_secret_behind,
    an_address_that_is_taken_gets_a_mail_without_a_token,
    the_account_says_where_a_mail_goes_and_in_which_language,
    an_event_that_comes_again_tells_nobody_twice,
    a_mail_sent_twice_carries_the_same_message_id,
    nobody_without_a_confirmed_address_gets_mail,
    a_large_audience_is_told_in_one_go,
    what_expired_is_not_sent,
];

/// Where a token or an address must not stay.
const TABLES: [&str; 6] = ["deliveries", "notifications", "mail_confidences", "mail_outbox", "inboxes", "job"];

async fn a_confirmation_arrives_and_leaves_nothing_secret_behind(database: Database) {
    let stage = Stage::start(database).await;
    let user = Uuid::new_v4();
    stage.publish(&[confirmation(user, "new@people.example", "T0ken-1")]).await;
    let mail = stage.smtp.wait_for("new@people.example", |_| true).await;
    assert_eq!(mail.subject, "Подтвердите адрес электронной почты");
    assert!(mail.text.contains("https://city.example/confirm?token=T0ken-1\n"), "{}", mail.text);
    assert!(mail.text.starts_with("Здравствуйте, Иван!"), "{}", mail.text);
    assert!(mail.header("from").contains("no-reply@city.example"));
    let delivery = stage.mail_delivery(user, DeliveryState::Delivered).await;
    assert_eq!((delivery.kind(), delivery.attempt_count), (Kind::EmailConfirmation, 1));
    assert_eq!(mail.header("message-id"), format!("<{}@city.example>", delivery.delivery_id));
    for table in TABLES {
        let rows = stage.dump(table).await;
        assert!(!rows.contains("T0ken-1") && !rows.contains("new@people.example"), "{table}: {rows}");
    }
    // The person has no inbox line: nobody who cannot sign in yet reads it.
    assert_eq!(stage.visitor(&stage.runtime, user, &[]).inbox().await.notifications, []);
    stage.stop().await;
}

async fn an_address_that_is_taken_gets_a_mail_without_a_token(database: Database) {
    let stage = Stage::start(database).await;
    let wanted = EmailConfirmationRequested {
        email: "owner@people.example".to_owned(),
        locale: "en".to_owned(),
        ..Default::default()
    };
    stage.publish(&[event(&wanted)]).await;
    let mail = stage.smtp.wait_for("owner@people.example", |_| true).await;
    assert_eq!(mail.subject, "This address is registered already");
    assert!(!mail.text.contains("token"), "{}", mail.text);
    assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
}

async fn the_account_says_where_a_mail_goes_and_in_which_language(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.person(&[]);
    stage.identity.knows(person.id, "moved@people.example", "Ann", "en");
    let started = SessionStarted {
        user_id: person.id.to_string(),
        session_id: "s".to_owned(),
        user_agent: "Browser/1".to_owned(),
        address: "203.0.113.7".to_owned(),
        known_device: false,
    };
    let known = SessionStarted { known_device: true, ..started.clone() };
    stage.publish(&[event(&known), event(&started)]).await;
    let mail = stage.smtp.wait_for("moved@people.example", |_| true).await;
    assert_eq!(mail.subject, "Sign-in from a new device");
    assert!(mail.text.contains("203.0.113.7") && mail.text.contains("Browser/1"), "{}", mail.text);
    assert_eq!(mail.header("list-unsubscribe"), "", "a critical kind cannot be switched off");
    let inbox = person.inbox_of(1).await;
    assert_eq!(inbox.notifications[0].title, "Sign-in from a new device");
    assert_eq!(inbox.notifications[0].link, "/account/sessions");

    stage.publish(&[report_changed(&[person.id], "KV-1")]).await;
    let mail = stage.smtp.wait_for("moved@people.example", |mail| mail.subject.contains("KV-1")).await;
    assert_eq!(mail.subject, "Report KV-1: in progress");
    assert_eq!(mail.header("list-unsubscribe"), "<https://city.example/account/notifications>");
}

async fn an_event_that_comes_again_tells_nobody_twice(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.person(&[]);
    let event = report_changed(&[person.id], "KV-1");
    stage.publish(&[event.clone(), event.clone()]).await;
    stage.smtp.wait_for(&person.email, |_| true).await;
    let mut later = event.clone();
    later.subject = "another lane".to_owned();
    stage.publish(&[later, report_changed(&[person.id], "KV-2")]).await;
    stage.smtp.wait_for(&person.email, |mail| mail.subject.contains("KV-2")).await;
    person.inbox_of(2).await;
    let queue_is_empty = || async { stage.dump("job").await.matches("\"state\":1").count() == 0 };
    eventually(SOON, queue_is_empty).await;
    assert_eq!(stage.smtp.mails_to(&person.email).len(), 2);
    assert_eq!(person.inbox().await.unread_count, 2);
    assert_eq!(stage.deliveries(person.id).await.len(), 4);
}

async fn a_mail_sent_twice_carries_the_same_message_id(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.person(&[]);
    stage.smtp.set_mode(SmtpMode::HangUpAfterData).await;
    stage.publish(&[password_changed(person.id)]).await;
    stage.smtp.wait_for(&person.email, |_| true).await;
    stage.smtp.set_mode(SmtpMode::Accept).await;
    let delivery = stage.mail_delivery(person.id, DeliveryState::Delivered).await;
    assert!(delivery.attempt_count >= 2, "{delivery:?}");
    let mails = stage.smtp.mails_to(&person.email);
    assert!(mails.len() >= 2);
    assert!(mails.iter().all(|mail| mail.header("message-id") == mails[0].header("message-id")));
}

async fn nobody_without_a_confirmed_address_gets_mail(database: Database) {
    let stage = Stage::start(database).await;
    let (unknown, unconfirmed) = (stage.stranger(&[]), stage.stranger(&[]));
    stage.identity.knows(unconfirmed.id, "", "Ann", "en");
    stage.publish(&[password_changed(unknown.id), password_changed(unconfirmed.id)]).await;
    for person in [&unknown, &unconfirmed] {
        let delivery = stage.mail_delivery(person.id, DeliveryState::Suppressed).await;
        assert_eq!(delivery.last_error, "the account has no confirmed address");
        person.inbox_of(1).await;
    }
    assert_eq!(stage.smtp.mails(), []);
}

async fn a_large_audience_is_told_in_one_go(database: Database) {
    let stage = Stage::start(database).await;
    let people: Vec<_> = (0..600).map(|_| stage.stranger(&[])).collect();
    let ids: Vec<_> = people.iter().map(|person| person.id).collect();
    // Two audiences in opposite order at once: nobody may wait in a circle.
    let backwards: Vec<_> = ids.iter().rev().copied().collect();
    stage.publish(&[report_changed(&ids, "KV-1"), report_changed(&backwards, "KV-2")]).await;
    for person in people.iter().step_by(97) {
        person.inbox_of(2).await;
    }
    let rows = stage.dump("inboxes").await;
    assert_eq!(rows.lines().count(), 600);
}

async fn what_expired_is_not_sent(database: Database) {
    let stage = Stage::start(database).await;
    let user = Uuid::new_v4();
    let wanted = EmailConfirmationRequested {
        user_id: user.to_string(),
        email: "late@people.example".to_owned(),
        token: "t".to_owned(),
        expire_time: Some(kvartal_proto::time::to_proto(SystemClock.now())),
        ..Default::default()
    };
    stage.publish(&[event(&wanted)]).await;
    let delivery = stage.mail_delivery(user, DeliveryState::Failed).await;
    assert_eq!(delivery.last_error, "expired before it could be sent");
    assert_eq!(stage.dump("mail_confidences").await, "");
    stage.publish(&[reset(user, "intime@people.example", "t")]).await;
    stage.smtp.wait_for("intime@people.example", |mail| mail.text.contains("/reset-password?token=t\n")).await;
}
