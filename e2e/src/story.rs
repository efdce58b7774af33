//! The story of one report, from registration to sign-out.

use std::io::Cursor;
use std::time::{Duration, Instant};

use kvartal_kernel::Role;
use kvartal_proto::audit::v1::VerifyChainRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetProfileRequest, ListSessionsRequest, SignOutRequest};
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{
    CreateReportRequest, GetPhotoRequest, GetReportRequest, IncidentKind, IncidentStatus, LatLng, LinkReportRequest,
    Priority, TransitionIncidentRequest, UploadPhotoRequest, WatchReportsRequest,
};
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_proto::notification::v1::{Kind, ListNotificationsRequest, WatchNotificationsRequest};
use tonic::Code;
use uuid::Uuid;

use crate::Front;

const PATIENCE: Duration = Duration::from_secs(20);

fn photo() -> Vec<u8> {
    // A grey JPEG of 16 × 16 pixels needs no encoder here: a PNG made by hand would be longer.
    let mut bytes = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(640, 480).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not happen in {PATIENCE:?}"))
}

/// Tells it.
pub async fn a_report_is_filed_worked_on_and_answered(platform: &Front) {
    let admin = platform.admin().await;
    let dispatcher = platform.user(&admin, &[Role::Dispatcher]).await;
    // Registers, is confirmed by the e-mail received, signs in.
    let citizen = platform.user(&admin, &[]).await;
    let mut reports = ReportServiceClient::new(platform.channel());
    let mut incidents = IncidentServiceClient::new(platform.channel());
    let mut notifications = NotificationServiceClient::new(platform.channel());

    // The dispatcher and the citizen watch.
    let mut arriving =
        reports.watch_reports(dispatcher.request(WatchReportsRequest::default())).await.unwrap().into_inner();
    let mut inbox = notifications
        .watch_notifications(citizen.request(WatchNotificationsRequest::default()))
        .await
        .unwrap()
        .into_inner();

    // The citizen files a report with a photo.
    let uploaded = reports
        .upload_photo(citizen.request(UploadPhotoRequest { content: photo().into() }))
        .await
        .unwrap()
        .into_inner();
    let filed = reports
        .create_report(citizen.request(CreateReportRequest {
            request_id: Uuid::new_v4().to_string(),
            category_id: "pothole".into(),
            description: "Глубокая яма на правой полосе".into(),
            location: Some(LatLng { latitude: 55.75, longitude: 37.61 }),
            photo_ids: vec![uploaded.photo_id.clone()],
            ..CreateReportRequest::default()
        }))
        .await
        .unwrap()
        .into_inner()
        .report
        .unwrap();
    let shown = reports.get_photo(GetPhotoRequest { photo_id: uploaded.photo_id, thumbnail: true }).await.unwrap();
    assert_eq!(shown.into_inner().content_type, "image/jpeg");

    // The dispatcher sees it on the stream, makes it an incident and changes its status.
    let seen = within("the report on the dispatcher's stream", async {
        loop {
            let message = arriving.message().await.unwrap().expect("the stream goes on");
            if let Some(report) = message.report.filter(|report| report.report_id == filed.report_id) {
                return report;
            }
        }
    })
    .await;
    assert_eq!(seen.description, filed.description);
    let linked = reports
        .link_report(dispatcher.request(LinkReportRequest {
            report_id: filed.report_id.clone(),
            kind: IncidentKind::Hazard as i32,
            priority: Priority::High as i32,
            ..LinkReportRequest::default()
        }))
        .await
        .unwrap()
        .into_inner();
    let incident = linked.incident.unwrap();
    for status in [IncidentStatus::Confirmed, IncidentStatus::InProgress, IncidentStatus::Resolved] {
        let request = TransitionIncidentRequest {
            incident_id: incident.incident_id.clone(),
            status: status as i32,
            comment: "на месте".into(),
            ..TransitionIncidentRequest::default()
        };
        incidents.transition_incident(dispatcher.request(request)).await.unwrap();
    }

    // The citizen's inbox shows it, live, and an e-mail arrives.
    within("the change in the citizen's inbox", async {
        loop {
            let message = inbox.message().await.unwrap().expect("the stream goes on");
            let told = message.notification.filter(|n| n.kind == Kind::ReportStatusChanged as i32);
            if told.is_some_and(|n| n.subject == filed.report_id) {
                return;
            }
        }
    })
    .await;
    let mail = platform.smtp.wait_for(citizen.email(), |mail| mail.text.contains(&filed.tracking_number)).await;
    assert!(!mail.subject.is_empty());

    // Every event of the report was told once: one line for its receipt.
    let listed = notifications
        .list_notifications(citizen.request(ListNotificationsRequest { page_size: 200, ..Default::default() }))
        .await
        .unwrap()
        .into_inner();
    let receipts = listed.notifications.iter().filter(|n| n.kind == Kind::ReportReceived as i32).count();
    assert_eq!(receipts, 1);
    let public = reports.get_report(GetReportRequest { report: filed.tracking_number }).await.unwrap().into_inner();
    assert!(public.report.unwrap().reporter_id.is_empty(), "the public does not learn who filed it");

    // The audit chain holds, and knows of the calls.
    let verified = within("the audit record of the calls", async {
        loop {
            let answer = AuditServiceClient::new(platform.channel())
                .verify_chain(admin.request(VerifyChainRequest::default()))
                .await
                .unwrap()
                .into_inner();
            if answer.checked_count >= 10 {
                return answer;
            }
        }
    })
    .await;
    assert!(verified.intact, "{verified:?}");

    // Signing out makes the token useless everywhere within a second.
    let mut identity = IdentityServiceClient::new(platform.channel());
    identity.sign_out(citizen.request(SignOutRequest {})).await.unwrap();
    let signed_out = Instant::now();
    let refused =
        |result: Result<(), tonic::Status>| matches!(result, Err(status) if status.code() == Code::Unauthenticated);
    loop {
        let everywhere = [
            refused(identity.get_profile(citizen.request(GetProfileRequest {})).await.map(|_| ())),
            refused(identity.list_sessions(citizen.request(ListSessionsRequest {})).await.map(|_| ())),
            refused(
                reports
                    .get_report(citizen.request(GetReportRequest { report: filed.report_id.clone() }))
                    .await
                    .map(|_| ()),
            ),
            refused(
                notifications
                    .list_notifications(citizen.request(ListNotificationsRequest::default()))
                    .await
                    .map(|_| ()),
            ),
        ];
        if everywhere.iter().all(|refused| *refused) {
            break;
        }
        assert!(signed_out.elapsed() < Duration::from_secs(1), "still admitted after a second: {everywhere:?}");
    }
    let ended = within("the end of the open stream", async {
        loop {
            match inbox.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    })
    .await;
    assert_eq!(ended.map(|status| status.code()), Some(Code::Unauthenticated));
    let refreshed = identity
        .refresh_session(kvartal_proto::identity::v1::RefreshSessionRequest {
            refresh_token: citizen.refresh_token().to_owned(),
        })
        .await;
    assert_eq!(refreshed.unwrap_err().code(), Code::Unauthenticated);
}
