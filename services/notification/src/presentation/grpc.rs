//! The RPCs of `kvartal.notification.v1.NotificationService`.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use kvartal_kernel::{Cursor, Error, PageRequest, Uuid};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::notification::v1 as pb;
use tonic::{Request, Response, Status};

use super::convert;
use crate::application::{Arrival, DeliveryFilter, Notifier, Which};
use crate::domain::{DeliveryId, Locale, UserId};

/// Answers the RPCs.
pub(crate) struct NotificationGrpc {
    notifier: Notifier,
}

impl NotificationGrpc {
    pub(crate) fn new(notifier: Notifier) -> Self {
        Self { notifier }
    }
}

/// The signed-in person; machine clients have no inbox.
fn person<T>(request: &Request<T>) -> Result<UserId, Status> {
    caller(request).user_id().map(UserId).map_err(to_status)
}

#[tonic::async_trait]
impl pb::notification_service_server::NotificationService for NotificationGrpc {
    async fn list_notifications(
        &self,
        request: Request<pb::ListNotificationsRequest>,
    ) -> Result<Response<pb::ListNotificationsResponse>, Status> {
        let user = person(&request)?;
        let request = request.into_inner();
        let scope = format!("inbox of {user}, unread only: {}", request.unread_only);
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token).map_err(to_status)?;
        let (page, unread_count) = self.notifier.inbox(user, request.unread_only, &page).await.map_err(to_status)?;
        let next_page_token = page.next_token(&scope);
        let notifications = page.items.into_iter().map(pb::Notification::from).collect();
        Ok(Response::new(pb::ListNotificationsResponse { notifications, next_page_token, unread_count }))
    }

    type WatchNotificationsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchNotificationsResponse, Status>> + Send>>;

    async fn watch_notifications(
        &self,
        request: Request<pb::WatchNotificationsRequest>,
    ) -> Result<Response<Self::WatchNotificationsStream>, Status> {
        let user = person(&request)?;
        let after = place(user, &request.into_inner().resume_token).map_err(to_status)?;
        let arrivals = self.notifier.watch(user, after).await.map_err(to_status)?;
        let messages = arrivals.map(move |arrival| arrival.map(|arrival| message(user, arrival)).map_err(to_status));
        Ok(Response::new(Box::pin(messages)))
    }

    async fn mark_notifications_read(
        &self,
        request: Request<pb::MarkNotificationsReadRequest>,
    ) -> Result<Response<pb::MarkNotificationsReadResponse>, Status> {
        let user = person(&request)?;
        let which = Which::try_from(request.into_inner()).map_err(to_status)?;
        let unread_count = self.notifier.mark_read(user, which).await.map_err(to_status)?;
        Ok(Response::new(pb::MarkNotificationsReadResponse { unread_count }))
    }

    async fn archive_notifications(
        &self,
        request: Request<pb::ArchiveNotificationsRequest>,
    ) -> Result<Response<pb::ArchiveNotificationsResponse>, Status> {
        let user = person(&request)?;
        let ids = convert::ids(&request.into_inner().notification_ids).map_err(to_status)?;
        let unread_count = self.notifier.archive(user, ids).await.map_err(to_status)?;
        Ok(Response::new(pb::ArchiveNotificationsResponse { unread_count }))
    }

    async fn get_preferences(
        &self,
        request: Request<pb::GetPreferencesRequest>,
    ) -> Result<Response<pb::GetPreferencesResponse>, Status> {
        let user = person(&request)?;
        let chosen = self.notifier.preferences(user).await.map_err(to_status)?;
        Ok(Response::new(pb::GetPreferencesResponse { preferences: convert::preferences(&chosen) }))
    }

    async fn update_preferences(
        &self,
        request: Request<pb::UpdatePreferencesRequest>,
    ) -> Result<Response<pb::UpdatePreferencesResponse>, Status> {
        let user = person(&request)?;
        let choices = convert::choices(&request.into_inner().preferences).map_err(to_status)?;
        let chosen = self.notifier.choose(user, choices).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdatePreferencesResponse { preferences: convert::preferences(&chosen) }))
    }

    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Result<Response<pb::ListDeliveriesResponse>, Status> {
        let request = request.into_inner();
        let filter = DeliveryFilter::try_from(&request).map_err(to_status)?;
        let scope = format!("deliveries {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token).map_err(to_status)?;
        let page = self.notifier.deliveries(&filter, &page).await.map_err(to_status)?;
        let next_page_token = page.next_token(&scope);
        let deliveries = page.items.into_iter().map(pb::Delivery::from).collect();
        Ok(Response::new(pb::ListDeliveriesResponse { deliveries, next_page_token }))
    }

    async fn retry_delivery(
        &self,
        request: Request<pb::RetryDeliveryRequest>,
    ) -> Result<Response<pb::RetryDeliveryResponse>, Status> {
        let id = DeliveryId::parse("delivery_id", &request.into_inner().delivery_id).map_err(to_status)?;
        let delivery = self.notifier.retry(id).await.map_err(to_status)?;
        Ok(Response::new(pb::RetryDeliveryResponse { delivery: Some(delivery.into()) }))
    }

    async fn preview_template(
        &self,
        request: Request<pb::PreviewTemplateRequest>,
    ) -> Result<Response<pb::PreviewTemplateResponse>, Status> {
        let request = request.into_inner();
        let kind = convert::kind("kind", request.kind).map_err(to_status)?;
        let (text, mail) = self.notifier.preview(kind, Locale::from_tag(&request.locale)).map_err(to_status)?;
        Ok(Response::new(pb::PreviewTemplateResponse { title: text.title, body: text.body, email_text: mail.text }))
    }

    async fn send_test_notification(
        &self,
        request: Request<pb::SendTestNotificationRequest>,
    ) -> Result<Response<pb::SendTestNotificationResponse>, Status> {
        let user = person(&request)?;
        let kind = convert::kind("kind", request.into_inner().kind).map_err(to_status)?;
        let shown = self.notifier.send_test(user, kind).await.map_err(to_status)?;
        let notification_id = shown.map(|id| id.to_string()).unwrap_or_default();
        Ok(Response::new(pb::SendTestNotificationResponse { notification_id }))
    }
}

/// A resume token is the place in the inbox up to which everything was said; it serves its owner only.
fn place(user: UserId, token: &str) -> Result<Option<i64>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let cursor = Cursor::decode(&scope(user), token);
    let cursor = cursor.map_err(|_| Error::invalid("resume_token", "must be a token of the caller's own stream"))?;
    Ok(Some(cursor.key))
}

fn message(user: UserId, arrival: Arrival) -> pb::WatchNotificationsResponse {
    let Arrival { shown, unread, sequence } = arrival;
    pb::WatchNotificationsResponse {
        notification: shown.map(pb::Notification::from),
        unread_count: unread,
        resume_token: Cursor { key: sequence, id: Uuid::nil() }.encode(&scope(user)),
    }
}

fn scope(user: UserId) -> String {
    format!("inbox stream of {user}")
}
