//! What was found is forgotten by class, and what is left says what it said before.

use kvartal_kernel::Timestamp;
use kvartal_proto::traffic::v1 as pb;
use kvartal_traffic::application::congestion::ports::{CongestionLog as _, Retention};
use kvartal_traffic::domain::step::Step;
use kvartal_traffic::infrastructure::StoredLog;

use crate::congestion::{build, congestion, ended, ingest, jams, readings, step};
use crate::stage::{Stage, at, on_both};

on_both!(what_was_found_is_forgotten_by_class_and_the_rest_stays_true);

async fn states(stage: &Stage, number: i64) -> Vec<(String, i32)> {
    let request = pb::ListSegmentStatesRequest { time: at(step(number)), ..Default::default() };
    let answer = congestion(stage).list_segment_states(request).await.unwrap().into_inner();
    answer.states.into_iter().map(|state| (state.segment_id, state.level)).collect()
}

async fn forget(stage: &Stage, retention: Retention) {
    let log = StoredLog::new(stage.store.clone());
    while log.prune(retention).await.unwrap() {}
}

async fn what_was_found_is_forgotten_by_class_and_the_rest_stays_true(stage: Stage) {
    build(&stage).await;
    ingest(&stage, readings()).await;
    let by_state = ended(&stage, pb::CongestionRule::SegmentState).await;
    let by_pems = ended(&stage, pb::CongestionRule::PemsBottleneck).await;
    let of = |number: i64| Some(Step::of(Timestamp(step(number) * 1_000_000)));

    let (before, after) = (states(&stage, 12).await, states(&stage, 18).await);
    assert_eq!(states(&stage, 2).await.len(), 8);
    forget(&stage, Retention { states_before: of(12), ..Retention::default() }).await;
    assert_eq!(states(&stage, 2).await.len(), 5, "of three segments the state of that time is gone");
    assert_eq!((states(&stage, 12).await, states(&stage, 18).await), (before, after));
    assert_eq!(jams(&stage, pb::JamFilter::default()).await.len(), 2, "jams are another class");

    // The bottleneck ended at step 15, the queue at 17.
    forget(&stage, Retention { jams_before: of(16), ..Retention::default() }).await;
    let left: Vec<String> = jams(&stage, pb::JamFilter::default()).await.into_iter().map(|jam| jam.jam_id).collect();
    assert_eq!(left, std::slice::from_ref(&by_state.jam_id));
    let mut client = congestion(&stage);
    let life = |jam_id: &str| pb::GetJamRequest { jam_id: jam_id.to_owned() };
    assert!(client.get_jam(life(&by_pems.jam_id)).await.is_err());
    assert_eq!(client.get_jam(life(&by_state.jam_id)).await.unwrap().into_inner().moments.len(), 13);
    let warnings = client.list_traffic_warnings(pb::ListTrafficWarningsRequest::default()).await.unwrap();
    assert_eq!(warnings.into_inner().warnings, []);

    let scores = async || {
        let (start_time, end_time) = (at(step(0)), at(step(24)));
        let request = pb::ListScoreHistoryRequest { start_time, end_time, ..Default::default() };
        congestion(&stage).list_score_history(request).await.unwrap().into_inner().scores
    };
    let all = scores().await;
    forget(&stage, Retention { scores_before: of(10), ..Retention::default() }).await;
    assert_eq!(scores().await, all[10..]);

    // Late readings of a forgotten time are taken in all the same.
    let late = crate::stage::speed("d0", step(1) + 60, 20.0);
    ingest(&stage, vec![late]).await;
    forget(&stage, Retention { states_before: of(12), jams_before: of(16), scores_before: of(10) }).await;
    assert_eq!(states(&stage, 18).await.len(), 8);
}
