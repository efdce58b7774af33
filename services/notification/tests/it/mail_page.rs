//! Without a mail server, a laptop shows its mails; nothing else does.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use kvartal_kernel::Uuid;
use kvartal_proto::notification::v1::DeliveryState;
use tower::ServiceExt as _;

use crate::stage::{Database, Stage, confirmation, password_changed};

crate::on_both_databases![a_laptop_shows_its_mails, the_outbox_is_bounded,];

async fn get(stage: &Stage, path: &str) -> (u16, String, String) {
    let page = stage.runtime.services().into_iter().find(|service| service.name == "notification").unwrap().http;
    let answer = page.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let policy = answer.headers().get("content-security-policy").map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, policy.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

async fn a_laptop_shows_its_mails(database: Database) {
    let stage = Stage::start_with(database, |config| {
        config.smtp_url = None;
        config.dev_mail = true;
    })
    .await;
    assert!(get(&stage, "/_dev/mail").await.2.contains("No mail yet."));
    let user = Uuid::new_v4();
    stage.publish(&[confirmation(user, "<i>new</i>@people.example", "T0ken")]).await;
    let delivery = stage.mail_delivery(user, DeliveryState::Delivered).await;
    let (status, policy, list) = get(&stage, "/_dev/mail").await;
    assert_eq!(status, 200);
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(list.contains("&lt;i&gt;new&lt;/i&gt;@people.example") && !list.contains("<i>"), "{list}");
    let path = format!("/_dev/mail/{}", delivery.delivery_id);
    assert!(list.contains(&path), "{list}");
    let (_, _, mail) = get(&stage, &path).await;
    let link = "https://city.example/confirm?token=T0ken";
    assert!(mail.contains(&format!("<a href=\"{link}\">{link}</a>")), "{mail}");
    assert_eq!(get(&stage, &format!("/_dev/mail/{user}")).await.0, 404);
    assert_eq!(get(&stage, "/_dev/mail/nonsense").await.0, 404);
    assert_eq!(stage.smtp.mails(), []);
    stage.stop().await;
}

async fn the_outbox_is_bounded(database: Database) {
    let stage = Stage::start_with(database, |config| {
        config.smtp_url = None;
        config.dev_mail = true;
    })
    .await;
    let users: Vec<_> = (0..230).map(|_| Uuid::new_v4()).collect();
    let events: Vec<_> =
        users.iter().map(|user| confirmation(*user, &format!("{}@people.example", user.simple()), "t")).collect();
    stage.publish(&events).await;
    for user in users {
        stage.mail_delivery(user, DeliveryState::Delivered).await;
    }
    // Four workers at once do not see one another's last mail.
    let kept = stage.dump("mail_outbox").await.lines().count();
    assert!((200..204).contains(&kept), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_not_there_beside_a_mail_server_or_unasked() {
    let stage = Stage::start_with(Database::Sqlite, |config| config.dev_mail = true).await;
    assert_eq!(get(&stage, "/_dev/mail").await.0, 404);
    let stage = Stage::start_with(Database::Sqlite, |config| config.smtp_url = None).await;
    assert_eq!(get(&stage, "/_dev/mail").await.0, 404);
    let person = stage.person(&[]);
    stage.publish(&[password_changed(person.id)]).await;
    let failed = stage.mail_delivery(person.id, DeliveryState::Failed).await;
    assert_eq!(failed.last_error, "no mail server is configured");
}
