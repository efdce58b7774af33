//! The living map: everything at first, then what changes, gathered; and on from where one was.

use std::collections::BTreeMap;
use std::time::Duration;

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::LiveTopic;
use kvartal_proto::traffic::v1::live_service_client::LiveServiceClient;
use kvartal_proto::traffic::v1::patrol_service_client::PatrolServiceClient;
use tonic::{Code, Streaming};

use crate::network::at;
use crate::stage::{Stage, on_both, reason};

on_both!(
    a_stream_resumes_without_loss_or_repetition,
    a_burst_of_changes_comes_gathered,
    patrols_are_not_shown_to_everybody,
);

const SOON: Duration = Duration::from_secs(30);

async fn watch(stage: &Stage, token: &str) -> Streaming<pb::WatchTrafficResponse> {
    let mut live = LiveServiceClient::new(stage.client(&stage.admin()));
    let request = pb::WatchTrafficRequest {
        topics: vec![LiveTopic::Patrols.into()],
        max_rate_hz: 4,
        resume_token: token.to_owned(),
        ..Default::default()
    };
    live.watch_traffic(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<pb::WatchTrafficResponse>) -> pb::WatchTrafficResponse {
    tokio::time::timeout(SOON, stream.message()).await.expect("a message").unwrap().expect("no end")
}

async fn create(stage: &Stage, id: &str) {
    let mut patrols = PatrolServiceClient::new(stage.client(&stage.admin()));
    let request = pb::CreatePatrolRequest { patrol_id: id.to_owned(), call_sign: id.to_owned(), ..Default::default() };
    patrols.create_patrol(request).await.unwrap();
}

async fn report(stage: &Stage, id: &str, latitude: f64) {
    let mut patrols = PatrolServiceClient::new(stage.client(&stage.admin()));
    stage.clock.advance(Duration::from_secs(1));
    let request = pb::ReportPatrolPositionRequest {
        patrol_id: id.to_owned(),
        location: Some(at(latitude, 37.0)),
        ..Default::default()
    };
    patrols.report_patrol_position(request).await.unwrap();
}

/// What somebody knows who was told all this.
#[derive(Default)]
struct Known {
    latitudes: BTreeMap<String, f64>,
    token: String,
    messages: usize,
}

impl Known {
    fn take(&mut self, message: pb::WatchTrafficResponse) {
        self.messages += 1;
        if message.snapshot {
            self.latitudes.clear();
        }
        for patrol in message.patrols {
            let latitude = patrol.location.map_or(0.0, |location| location.latitude);
            let before = self.latitudes.insert(patrol.patrol_id.clone(), latitude);
            assert_ne!(before, Some(latitude), "{} was told twice", patrol.patrol_id);
        }
        for id in message.removed_ids {
            assert!(self.latitudes.remove(&id).is_some(), "{id} was not known and is said to be gone");
        }
        self.token = message.resume_token;
    }

    async fn until(&mut self, stream: &mut Streaming<pb::WatchTrafficResponse>, id: &str, latitude: f64) {
        while self.latitudes.get(id) != Some(&latitude) {
            self.take(next(stream).await);
        }
    }
}

async fn a_stream_resumes_without_loss_or_repetition(stage: Stage) {
    for id in ["p1", "p2", "p3"] {
        create(&stage, id).await;
        report(&stage, id, 55.0).await;
    }
    let mut known = Known::default();
    let mut stream = watch(&stage, "").await;
    known.take(next(&mut stream).await);
    assert_eq!(known.latitudes.len(), 3, "everything comes first");
    for round in 1..=10 {
        let latitude = 55.0 + f64::from(round) * 0.01;
        report(&stage, "p1", latitude).await;
        known.until(&mut stream, "p1", latitude).await;
        drop(stream);
        // What happens while nobody is connected…
        report(&stage, "p2", latitude).await;
        report(&stage, "p3", latitude - 0.005).await;
        report(&stage, "p3", latitude).await;
        // …is told when one comes back, each thing once and as it is now.
        stream = watch(&stage, &known.token).await;
        known.take(next(&mut stream).await);
        assert_eq!(known.latitudes.values().copied().collect::<Vec<_>>(), [latitude; 3]);
    }
    let delete = pb::DeletePatrolRequest { patrol_id: "p2".to_owned(), etag: String::new() };
    PatrolServiceClient::new(stage.client(&stage.admin())).delete_patrol(delete).await.unwrap();
    while known.latitudes.contains_key("p2") {
        known.take(next(&mut stream).await);
    }
    // A token of a process that is no more: everything anew.
    let mut stream = watch(&stage, "00000000000000015").await;
    assert!(next(&mut stream).await.snapshot);
}

async fn a_burst_of_changes_comes_gathered(stage: Stage) {
    create(&stage, "p1").await;
    let mut known = Known::default();
    let mut stream = watch(&stage, "").await;
    known.take(next(&mut stream).await);
    let began = std::time::Instant::now();
    for step in 1..=40 {
        report(&stage, "p1", 55.0 + f64::from(step) * 0.001).await;
    }
    known.until(&mut stream, "p1", 55.0 + 40.0 * 0.001).await;
    // Four a second, one that was under way before, and one for the clock's grain.
    let most = began.elapsed().as_millis() / 250 + 3;
    assert!(known.messages as u128 <= most, "{} messages in {:?}", known.messages, began.elapsed());
}

async fn patrols_are_not_shown_to_everybody(stage: Stage) {
    let mut live = LiveServiceClient::new(stage.client(&stage.person(&["citizen"])));
    let request = pb::WatchTrafficRequest { topics: vec![LiveTopic::Patrols.into()], ..Default::default() };
    let refused = live.watch_traffic(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "PATROLS_NOT_VISIBLE"));
    let wrong = pb::WatchTrafficRequest { resume_token: "nonsense".to_owned(), ..Default::default() };
    assert_eq!(live.watch_traffic(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    let mut open = live.watch_traffic(pb::WatchTrafficRequest::default()).await.unwrap().into_inner();
    assert!(next(&mut open).await.snapshot, "whoever comes is answered at once");
}
