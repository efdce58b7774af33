//! Who may what, and what templates look like.

use kvartal_proto::notification::v1::{
    Kind, ListDeliveriesRequest, ListNotificationsRequest, PreviewTemplateRequest, RetryDeliveryRequest,
};
use tonic::{Code, Request};

use crate::stage::{Database, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_decides_who_may_what() {
    let stage = Stage::start(Database::Sqlite).await;
    let (citizen, support) = (stage.stranger(&["citizen"]), stage.stranger(&["support"]));
    let anonymous = citizen.client().list_notifications(Request::new(ListNotificationsRequest::default())).await;
    assert_eq!(anonymous.unwrap_err().code(), Code::Unauthenticated);
    let denied = citizen.client().list_deliveries(citizen.request(ListDeliveriesRequest::default())).await;
    assert_eq!(denied.unwrap_err().code(), Code::PermissionDenied);
    let request = RetryDeliveryRequest { delivery_id: citizen.id.to_string() };
    let denied = support.client().retry_delivery(support.request(request)).await;
    assert_eq!(denied.unwrap_err().code(), Code::PermissionDenied);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_template_can_be_previewed() {
    let stage = Stage::start(Database::Sqlite).await;
    let editor = stage.stranger(&["editor"]);
    let preview = |kind: i32, locale: &str| {
        let request = editor.request(PreviewTemplateRequest { kind, locale: locale.to_owned() });
        let mut client = editor.client();
        async move { client.preview_template(request).await.map(tonic::Response::into_inner) }
    };
    for kind in 1..=15 {
        let (ru, en) = (preview(kind, "ru").await.unwrap(), preview(kind, "en").await.unwrap());
        assert!(ru.email_text.contains("Мария") && en.email_text.contains("Mary"), "{kind}");
        assert_ne!(ru.title, en.title);
        assert!(!ru.body.is_empty() && !en.body.is_empty());
    }
    let example = preview(Kind::EmailConfirmation.into(), "en").await.unwrap();
    assert!(example.email_text.contains("https://city.example/confirm?token=example-token"));
    assert_eq!(preview(1, "de").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(preview(0, "en").await.unwrap_err().code(), Code::InvalidArgument);
}
