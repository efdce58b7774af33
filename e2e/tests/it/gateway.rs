//! What happens behind Envoy when sessions end and when somebody stands where a service should be: no call succeeds that
//! should not.

use std::time::{Duration, Instant};

use kvartal_e2e::{Cluster, Layout, User};
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetProfileRequest, SignOutRequest};
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{
    CreateReportRequest, GetReportRequest, LatLng, ListIncidentsRequest, ListReportsRequest,
};
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_proto::notification::v1::{
    ListNotificationsRequest, WatchNotificationsRequest, WatchNotificationsResponse,
};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// One way to call.
#[derive(Clone, Copy, Debug)]
enum Call {
    Incidents,
    Profile,
    Notifications,
}

impl Call {
    async fn make(self, channel: Channel, user: &User) -> Result<(), Status> {
        match self {
            Self::Incidents => {
                IncidentServiceClient::new(channel).list_incidents(ListIncidentsRequest::default()).await.map(drop)
            }
            Self::Profile => {
                IdentityServiceClient::new(channel).get_profile(user.request(GetProfileRequest {})).await.map(drop)
            }
            Self::Notifications => {
                let request = user.request(ListNotificationsRequest::default());
                NotificationServiceClient::new(channel).list_notifications(request).await.map(drop)
            }
        }
    }
}

fn report() -> CreateReportRequest {
    CreateReportRequest {
        request_id: Uuid::new_v4().to_string(),
        category_id: "pothole".into(),
        description: "Яма у остановки".into(),
        location: Some(LatLng { latitude: 55.75, longitude: 37.61 }),
        ..CreateReportRequest::default()
    }
}

/// Calls until refused because of the token; how long that took.
async fn refused_after<F: Future<Output = Result<(), Status>>>(
    since: Instant,
    mut call: impl FnMut() -> F,
) -> Duration {
    loop {
        match call().await {
            Err(status) if status.code() == Code::Unauthenticated => return since.elapsed(),
            Ok(()) => assert!(since.elapsed() < PATIENCE, "still admitted"),
            Err(status) => panic!("refused for another reason: {status:?}"),
        }
    }
}

async fn watch(channel: Channel, user: &User) -> Streaming<WatchNotificationsResponse> {
    let mut client = NotificationServiceClient::new(channel);
    let mut stream =
        client.watch_notifications(user.request(WatchNotificationsRequest::default())).await.unwrap().into_inner();
    stream.message().await.unwrap();
    stream
}

/// How long a stream lives on, and what it says at its end.
async fn ends_after(since: Instant, mut stream: Streaming<WatchNotificationsResponse>) -> (Duration, Option<Code>) {
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return (since.elapsed(), None),
            Err(status) => return (since.elapsed(), Some(status.code())),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_is_cut_within_a_second_at_envoy_and_at_the_services() {
    let cluster = Cluster::start(Layout { replicas: 1, public_tls: true, collector: None }).await;
    let admin = cluster.admin().await;
    let citizen = cluster.user(&admin, &[]).await;
    let past = |service: &str| cluster.past_envoy(service, "gateway");
    let streams = [watch(cluster.channel(), &citizen).await, watch(past("notification"), &citizen).await];
    let filed = ReportServiceClient::new(past("incident")).create_report(citizen.request(report())).await.unwrap();
    let filed = filed.into_inner().report.unwrap().report_id;

    IdentityServiceClient::new(cluster.channel()).sign_out(citizen.request(SignOutRequest {})).await.unwrap();
    let since = Instant::now();
    let incidents = |channel: Channel| {
        let request = citizen.request(GetReportRequest { report: filed.clone() });
        async move { ReportServiceClient::new(channel).get_report(request).await.map(drop) }
    };
    let profile = |channel: Channel| Call::Profile.make(channel, &citizen);
    let inbox = |channel: Channel| Call::Notifications.make(channel, &citizen);
    let (front, direct) = (cluster.channel(), ["identity", "incident", "notification"].map(past));
    let [first, second] = streams.map(|stream| ends_after(since, stream));
    let (envoy, identity, incident, notification, first, second) = tokio::join!(
        refused_after(since, || incidents(front.clone())),
        refused_after(since, || profile(direct[0].clone())),
        refused_after(since, || incidents(direct[1].clone())),
        refused_after(since, || inbox(direct[2].clone())),
        first,
        second,
    );
    eprintln!(
        "refused at Envoy after {envoy:?}, at identity {identity:?}, incident {incident:?}, notification {notification:?}; \
         streams ended after {first:?} and {second:?}"
    );
    // What is promised; see ARCHITECTURE.md.
    for took in [envoy, identity, incident, notification] {
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    for (took, code) in [first, second] {
        assert!(took < Duration::from_secs(2) && code == Some(Code::Unauthenticated), "{took:?} {code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_and_services_prove_to_each_other_who_they_are() {
    let cluster = Cluster::start(Layout { replicas: 1, public_tls: false, collector: None }).await;
    let admin = cluster.admin().await;
    // Through Envoy people are known to the services; the token is taken from the gateway alone.
    Call::Notifications.make(cluster.channel(), &admin).await.unwrap();
    Call::Notifications.make(cluster.past_envoy("notification", "gateway"), &admin).await.unwrap();
    let other = Call::Notifications.make(cluster.past_envoy("notification", "incident"), &admin).await.unwrap_err();
    assert!(matches!(other.code(), Code::Unauthenticated | Code::PermissionDenied), "{other:?}");
    assert!(Call::Notifications.make(cluster.past_envoy_in_the_clear("notification"), &admin).await.is_err());

    // Whoever stands where a service should be and is another one gets no calls.
    let (envoy, front) = cluster.misled_envoy("notification", "incident").await;
    Call::Incidents.make(front.channel(), &admin).await.unwrap();
    let misled = Call::Notifications.make(front.channel(), &admin).await.unwrap_err();
    assert_eq!(misled.code(), Code::Unavailable, "{misled:?}");
    let stats = envoy.admin("/stats?filter=cluster.notification.ssl.fail_verify_san").await;
    assert!(!stats.trim().ends_with(": 0"), "{stats}");
    let reports =
        ReportServiceClient::new(front.channel()).list_reports(admin.request(ListReportsRequest::default())).await;
    assert!(reports.is_ok(), "{reports:?}");
    envoy.stop().await;
}
