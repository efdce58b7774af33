//! What happens behind Envoy while people call: certificates, keys and processes change, sessions end. No call fails that
//! should not, and none succeeds that should not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kvartal_e2e::journey::report;
use kvartal_e2e::{Cluster, Layout, User};
use kvartal_proto::audit::v1::ListRecordsRequest;
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetProfileRequest, RotateSigningKeyRequest, SignOutRequest};
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{GetReportRequest, ListIncidentsRequest, ListReportsRequest};
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_proto::notification::v1::{
    Kind, ListNotificationsRequest, SendTestNotificationRequest, WatchNotificationsRequest, WatchNotificationsResponse,
};
use kvartal_testing::eventually;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

const PATIENCE: Duration = Duration::from_secs(60);

/// One way to call. Each has a caller of its own, which calls again as soon as it is answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Call {
    Incidents,
    /// On a new connection each time.
    Profile,
    Notifications,
    Records,
    Report,
    /// May not be repeated.
    TestNotification,
}

impl Call {
    const ALL: [Self; 6] =
        [Self::Incidents, Self::Profile, Self::Notifications, Self::Records, Self::Report, Self::TestNotification];

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
            Self::Records => {
                let request = user.request(ListRecordsRequest { page_size: 1, ..ListRecordsRequest::default() });
                AuditServiceClient::new(channel).list_records(request).await.map(drop)
            }
            Self::Report => ReportServiceClient::new(channel).create_report(user.request(report())).await.map(drop),
            Self::TestNotification => {
                let request = user.request(SendTestNotificationRequest { kind: Kind::ReportReceived.into() });
                NotificationServiceClient::new(channel).send_test_notification(request).await.map(drop)
            }
        }
    }
}

/// Callers who never pause.
struct Load {
    stop: Arc<AtomicBool>,
    answered: BTreeMap<Call, Arc<AtomicU64>>,
    callers: Vec<JoinHandle<Vec<String>>>,
    phase: Arc<std::sync::Mutex<String>>,
    began: Instant,
    health: JoinHandle<Vec<String>>,
}

impl Load {
    fn start(cluster: &Cluster, user: &User, calls: &[Call]) -> Self {
        let (stop, began) = (Arc::default(), Instant::now());
        let mut load = Self {
            health: tokio::spawn(health(Arc::clone(cluster.envoy()), Arc::clone(&stop), began)),
            stop,
            answered: BTreeMap::new(),
            callers: Vec::new(),
            phase: Arc::default(),
            began,
        };
        for call in calls {
            load.join(cluster, user, *call);
        }
        load
    }

    fn join(&mut self, cluster: &Cluster, user: &User, call: Call) {
        let answered = Arc::clone(self.answered.entry(call).or_default());
        let (stop, phase, user) = (Arc::clone(&self.stop), Arc::clone(&self.phase), user.clone());
        let kept = cluster.channel();
        let (connect, start) = (cluster.connector(), self.began);
        self.callers.push(tokio::spawn(async move {
            let mut failures = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let channel = if call == Call::Profile { connect() } else { kept.clone() };
                let began = Instant::now();
                match call.make(channel, &user).await {
                    Ok(()) => _ = answered.fetch_add(1, Ordering::Relaxed),
                    Err(status) => {
                        let phase = phase.lock().unwrap().clone();
                        let (at, took) = (start.elapsed(), began.elapsed());
                        failures.push(format!("{at:.2?} {phase}: {call:?} after {took:.2?}: {status:?}"));
                        assert!(failures.len() < 100, "{failures:#?}");
                    }
                }
            }
            failures
        }));
    }

    fn total(&self) -> u64 {
        self.answered.values().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// What happens now; in the words of failures.
    fn phase(&self, name: &str) -> u64 {
        name.clone_into(&mut self.phase.lock().unwrap());
        self.total()
    }

    /// Every caller has been answered some more times.
    async fn more(&self, calls: u64) {
        let before: Vec<u64> = self.answered.values().map(|count| count.load(Ordering::Relaxed)).collect();
        eventually(PATIENCE, || async {
            let now = self.answered.values().map(|count| count.load(Ordering::Relaxed));
            now.zip(&before).all(|(now, before)| now >= before + calls)
        })
        .await;
    }

    async fn end(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for caller in std::mem::take(&mut self.callers) {
            failures.extend(caller.await.unwrap());
        }
        if !failures.is_empty() {
            failures.extend(std::mem::replace(&mut self.health, tokio::spawn(async { Vec::new() })).await.unwrap());
        }
        failures
    }
}

/// A test that fails must not wait for them.
impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.callers.iter().for_each(JoinHandle::abort);
        self.health.abort();
    }
}

/// What Envoy thought of its endpoints, whenever that changed.
async fn health(envoy: Arc<kvartal_testing::Envoy>, stop: Arc<AtomicBool>, began: Instant) -> Vec<String> {
    let (mut seen, mut history) = (BTreeMap::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let page = envoy.admin("/clusters").await;
        let lines = page.lines().filter_map(|line| line.split_once("::health_flags::"));
        for (endpoint, flags) in lines {
            if seen.insert(endpoint.to_owned(), flags.to_owned()).is_none_or(|before| before != flags) {
                history.push(format!("{:.2?} {endpoint} {flags}", began.elapsed()));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    history
}

/// The numbers of the certificates that Envoy shows, or of those by which it knows others.
async fn shown(cluster: &Cluster, kind: &str) -> BTreeSet<String> {
    let page: serde_json::Value = serde_json::from_str(&cluster.envoy().admin("/certs").await).unwrap_or_default();
    let of_kind = page["certificates"].as_array().into_iter().flatten().flat_map(|all| all[kind].as_array());
    of_kind.flatten().map(|one| one["serial_number"].as_str().unwrap_or_default().to_owned()).collect()
}

const OWN: &str = "cert_chain";
const TRUSTED: &str = "ca_cert";

/// Makes every certificate anew, by what is now the authority in `dir`, and waits until everybody uses it.
async fn renew(cluster: &Cluster, load: &Load, dir: &str) {
    let (services, envoy) = (cluster.serials().await, shown(cluster, OWN).await);
    // One for the public port, one for services.
    assert_eq!(envoy.len(), 2, "{envoy:?}");
    cluster.ca(&["renew", "--dir", dir, "--out", "tls"]);
    cluster.certify_public();
    let all_new = || async {
        let now = cluster.serials().await;
        let old = now.iter().zip(&services).filter(|(now, before)| now == before).count();
        let shown = shown(cluster, OWN).await;
        if old == 0 && shown.len() == 2 && shown.is_disjoint(&envoy) {
            Ok(())
        } else {
            Err(format!("{old} processes with old certificates; Envoy: {envoy:?} {shown:?}"))
        }
    };
    eventually(PATIENCE, all_new).await;
    load.more(5).await;
}

/// Exchanges the authority of the services for another one, as `kvartal help ca renew` says.
async fn exchange_authority(cluster: &Cluster, load: &Load) {
    let read = |name: &str| std::fs::read_to_string(cluster.path(name)).unwrap();
    let before = shown(cluster, TRUSTED).await;
    cluster.ca(&["init", "--dir", "next"]);
    let (old, new) = (read("ca/ca.crt"), read("next/ca.crt"));
    std::fs::write(cluster.path("ca/ca.crt"), format!("{old}{new}")).unwrap();
    renew(cluster, load, "ca").await;
    std::fs::write(cluster.path("next/ca.crt"), format!("{old}{new}")).unwrap();
    renew(cluster, load, "next").await;
    std::fs::write(cluster.path("next/ca.crt"), new).unwrap();
    renew(cluster, load, "next").await;
    let forgotten = || async { shown(cluster, TRUSTED).await.is_disjoint(&before) };
    eventually(PATIENCE, forgotten).await;
}

/// Gives the next signing key its turn, and waits until a new token is signed with it.
async fn rotate_signing_key(cluster: &Cluster, admin: &User, load: &mut Load) {
    let request = admin.request(RotateSigningKeyRequest {});
    let kid = IdentityServiceClient::new(cluster.channel()).rotate_signing_key(request).await.unwrap().into_inner().kid;
    let newcomer = eventually(PATIENCE, || async {
        let user = cluster.sign_in(admin.email()).await;
        (key_of(user.access_token()) == kid).then_some(user)
    })
    .await;
    assert_ne!(key_of(admin.access_token()), kid);
    // Old and new tokens side by side.
    for call in Call::ALL {
        load.join(cluster, &newcomer, call);
    }
    load.more(20).await;
}

/// Which key signed a token.
fn key_of(token: &str) -> String {
    use base64::Engine as _;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_certificates_authorities_keys_and_processes_change() {
    let mut cluster = Cluster::start(Layout { replicas: 2, public_tls: true, collector: None }).await;
    let admin = cluster.admin().await;
    let mut load = Load::start(&cluster, &admin, &Call::ALL);
    load.more(10).await;
    let mut before = load.phase("authorities");
    exchange_authority(&cluster, &load).await;
    let mut tell = |what: &str, now: u64| {
        eprintln!("{what}: {} calls", now - before);
        before = now;
    };
    tell("certificates and authority exchanged", load.phase("keys"));
    rotate_signing_key(&cluster, &admin, &mut load).await;
    tell("signing key rotated", load.phase("restarts"));
    for role in cluster.roles() {
        load.phase(&format!("restart of {role}"));
        cluster.restart(role).await;
        load.more(5).await;
        tell(&format!("every process of {role} restarted"), load.total());
    }
    let answered = format!("{:?}", load.answered);
    let failures = load.end().await;
    let output = cluster.output();
    assert!(failures.is_empty(), "{} of {answered}:\n{}\n{output}", failures.len(), failures.join("\n"));
    eprintln!("{answered}, all answered");
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
