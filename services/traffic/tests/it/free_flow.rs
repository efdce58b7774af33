//! The speed at free flow is learnt from readings, and levels and scores go by it.

use std::sync::Arc;

use kvartal_proto::traffic::v1 as pb;
use kvartal_testing::eventually;
use kvartal_traffic::application::congestion::free_flow::FreeFlowSchool;
use kvartal_traffic::application::congestion::ports::{FreeFlows, Measurements};
use kvartal_traffic::application::congestion::roads::CityMap;
use kvartal_traffic::application::network::Atlas;
use kvartal_traffic::domain::calendar::Calendar;
use kvartal_traffic::infrastructure::{StoredFreeFlows, StoredMeasurements, StoredRoads};

use crate::congestion::{build, congestion, ingest, step};
use crate::stage::{NOW, Stage, at, on_both, speed};

/// The longest anything here may take.
const SOON: std::time::Duration = std::time::Duration::from_secs(60);

on_both!(levels_go_by_the_speed_that_was_learnt_and_else_by_what_is_allowed);

/// What the schedule does at night.
async fn learn(stage: &Stage) {
    let store = || stage.store.clone();
    let atlas = Arc::new(Atlas::open(Arc::new(StoredRoads::new(store()))).await.unwrap());
    let measurements: Arc<dyn Measurements> = Arc::new(StoredMeasurements::new(store()));
    let flows: Arc<dyn FreeFlows> = Arc::new(StoredFreeFlows::new(store()));
    let roads = Arc::new(CityMap::new(atlas, measurements.clone(), flows.clone()));
    let (clock, calendar) = (stage.clock.clone(), Calendar::default());
    FreeFlowSchool { roads, measurements, flows, clock, calendar }.learn_all().await.unwrap();
}

async fn levels_go_by_the_speed_that_was_learnt_and_else_by_what_is_allowed(stage: Stage) {
    build(&stage).await;
    // A week on one segment: everybody drives 80 where 100 are allowed.
    let week = NOW.seconds() - 7 * 86_400;
    let history: Vec<_> = (0..7 * 288 - 30).map(|five| speed("d5", week + five * 300, 80.0)).collect();
    for portion in history.chunks(500) {
        ingest(&stage, portion.to_vec()).await;
    }
    learn(&stage).await;
    // Then 55 on two segments: of what is usual on the one it is enough to be free, of what is allowed on the other not.
    let slow = (0..6).flat_map(|number| ["d4", "d5"].map(|detector| speed(detector, step(number), 55.0)));
    ingest(&stage, slow.collect()).await;
    let states = eventually(SOON, async || {
        let request = pb::ListSegmentStatesRequest { time: at(step(5)), ..Default::default() };
        let states = congestion(&stage).list_segment_states(request).await.unwrap().into_inner().states;
        if states.len() == 2 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    let told: Vec<_> =
        states.iter().map(|state| (state.segment_id.as_str(), state.level(), state.free_flow_speed_kmh)).collect();
    let (free, moderate) = (pb::CongestionLevel::Free, pb::CongestionLevel::Moderate);
    assert_eq!(told, [("s4", moderate, 100.0), ("s5", free, 80.0)]);
    let scores = congestion(&stage).get_scores(pb::GetScoresRequest { time: at(step(5)) }).await.unwrap().into_inner();
    // Two segments are known: a hundred and eighty would do what takes 55 each.
    let lost = 1.0 - (1.0 / 100.0 + 1.0 / 80.0) / (2.0 / 55.0);
    let city = scores.city.unwrap();
    assert!((city.score - 10.0 * lost / 0.75).abs() < 0.01, "{city:?}, {lost}");

    // What is not measured any more is forgotten.
    stage.clock.advance(std::time::Duration::from_secs(40 * 86_400));
    learn(&stage).await;
    let request = pb::ListSegmentStatesRequest { time: at(step(5)), ..Default::default() };
    let states = congestion(&stage).list_segment_states(request).await.unwrap().into_inner().states;
    assert_eq!(states[1].free_flow_speed_kmh, 100.0);
}
