//! Jams, states, scores, warnings and ways through the RPCs, on time, late and corrected.

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::congestion_service_client::CongestionServiceClient;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_testing::eventually;

use crate::stage::{Client, NOW, Stage, at, on_both, reason, speed};

/// The longest anything here may take.
const SOON: std::time::Duration = std::time::Duration::from_secs(60);
/// Half a mile, metres.
const LENGTH: f64 = 804.672;
/// Segments of the road.
const COUNT: usize = 8;
/// The first step, 110 minutes ago: what is found there is still news.
pub(crate) fn first() -> i64 {
    NOW.seconds() - 110 * 60
}

pub(crate) fn congestion(stage: &Stage) -> CongestionServiceClient<Client> {
    CongestionServiceClient::new(stage.client(&stage.admin())).max_decoding_message_size(16 * 1024 * 1024)
}

/// A road to the north of eight segments with a detector each; the first half lies in a district.
pub(crate) async fn build(stage: &Stage) {
    let mut network = NetworkServiceClient::new(stage.client(&stage.admin()));
    let degrees = LENGTH / 6_371_008.8_f64.to_radians();
    let point = |number: usize| pb::LatLng {
        latitude: 55.0 + degrees * f64::from(u32::try_from(number).unwrap()),
        longitude: 37.0,
    };
    let segment = |number: usize| pb::NewSegment {
        segment_id: format!("s{number}"),
        display_name: format!("M1, {number}"),
        corridor: "M1-N".to_owned(),
        corridor_offset_m: LENGTH * f64::from(u32::try_from(number).unwrap()),
        geometry: vec![point(number), point(number + 1)],
        road_class: pb::RoadClass::Motorway.into(),
        speed_limit_kmh: 100.0,
        lanes: 2,
        next_segment_ids: if number + 1 < COUNT { vec![format!("s{}", number + 1)] } else { Vec::new() },
    };
    let segments = (0..COUNT).map(segment).collect();
    network.batch_put_segments(pb::BatchPutSegmentsRequest { segments }).await.unwrap();
    let corner = |number: usize, longitude: f64| pb::LatLng { longitude, ..point(number) };
    let district = pb::PutDistrictRequest {
        district_id: "south".to_owned(),
        name_ru: "Юг".to_owned(),
        name_en: "South".to_owned(),
        boundary: vec![corner(0, 36.9), corner(0, 37.1), corner(4, 37.1), corner(4, 36.9)],
        etag: String::new(),
    };
    network.put_district(district).await.unwrap();
    let detector = |number: usize| pb::NewDetector {
        detector_id: format!("d{number}"),
        segment_id: format!("s{number}"),
        ..Default::default()
    };
    let detectors = (0..COUNT).map(detector).collect();
    stage.detectors().batch_put_detectors(pb::BatchPutDetectorsRequest { detectors }).await.unwrap();
}

/// 21 steps: three free, twelve with a queue on segments 4 to 6, six free.
pub(crate) fn readings() -> Vec<pb::NewReading> {
    let kmh = |step: i64, number: usize| if (3..15).contains(&step) && (4..7).contains(&number) { 20.0 } else { 100.0 };
    let step =
        |step: i64| (0..COUNT).map(move |number| speed(&format!("d{number}"), first() + step * 300, kmh(step, number)));
    (0..21).flat_map(step).collect()
}

pub(crate) async fn ingest(stage: &Stage, readings: Vec<pb::NewReading>) {
    let request = pb::IngestReadingsRequest { readings, validate_only: false };
    let answer = stage.readings().ingest_readings(request).await.unwrap().into_inner();
    assert_eq!(answer.rejected_count, 0, "{answer:?}");
}

pub(crate) async fn jams(stage: &Stage, filter: pb::JamFilter) -> Vec<pb::Jam> {
    let request = pb::ListJamsRequest { filter: Some(filter), ..Default::default() };
    congestion(stage).list_jams(request).await.unwrap().into_inner().jams
}

/// The jam of this rule, once it has ended.
pub(crate) async fn ended(stage: &Stage, rule: pb::CongestionRule) -> pb::Jam {
    eventually(SOON, async || {
        let filter = pb::JamFilter { rule: rule.into(), ..Default::default() };
        let found = jams(stage, filter).await;
        found.into_iter().next().filter(|jam| jam.end_time.is_some()).ok_or("no ended jam")
    })
    .await
}

fn seconds(time: Option<prost_types::Timestamp>) -> i64 {
    time.unwrap().seconds
}

pub(crate) fn step(number: i64) -> i64 {
    first() + number * 300
}

/// Everything that followed, as the RPCs tell it.
async fn story(stage: &Stage) -> String {
    let by_state = ended(stage, pb::CongestionRule::SegmentState).await;
    let by_pems = ended(stage, pb::CongestionRule::PemsBottleneck).await;
    let mut client = congestion(stage);
    let warnings = client.list_traffic_warnings(pb::ListTrafficWarningsRequest::default()).await.unwrap();
    let (start_time, end_time) = (at(first()), at(first() + 7_200));
    let request = pb::ListScoreHistoryRequest { start_time, end_time, ..Default::default() };
    let scores = client.list_score_history(request).await.unwrap();
    let mut told = format!("{by_state:?}\n{by_pems:?}\n{:?}\n{:?}\n", warnings.into_inner(), scores.into_inner());
    for jam in [by_state, by_pems] {
        // While late readings are taken in, a jam that was listed may be no more.
        let Ok(life) = client.get_jam(pb::GetJamRequest { jam_id: jam.jam_id }).await else { continue };
        told.push_str(&format!("{:?}\n", life.into_inner().moments));
    }
    for number in 0..COUNT {
        let (start_time, end_time) = (at(first()), at(first() + 7_200));
        let segment_id = format!("s{number}");
        let request = pb::ListSegmentHistoryRequest { segment_id, start_time, end_time, ..Default::default() };
        told.push_str(&format!("{:?}\n", client.list_segment_history(request).await.unwrap().into_inner()));
    }
    told
}

on_both!(a_queue_is_told_by_every_rpc, late_and_corrected_readings_come_to_the_same, questions_are_checked);

async fn a_queue_is_told_by_every_rpc(stage: Stage) {
    build(&stage).await;
    ingest(&stage, readings()).await;
    let jam = ended(&stage, pb::CongestionRule::SegmentState).await;
    assert_eq!((seconds(jam.start_time), seconds(jam.end_time)), (step(4), step(17)));
    assert_eq!(jam.segment_ids, ["s6", "s5", "s4"], "from the head against the traffic");
    assert!((jam.max_queue_length_m - 3.0 * LENGTH).abs() < 1.0, "{jam:?}");
    assert_eq!((jam.corridor.as_str(), jam.display_name.as_str()), ("M1-N", "M1, 6"));
    let queue = ended(&stage, pb::CongestionRule::PemsBottleneck).await;
    assert_eq!((seconds(queue.start_time), seconds(queue.end_time)), (step(3), step(15)));
    assert!((queue.max_queue_length_m - 2.0 * LENGTH).abs() < 1.0, "from station to station: {queue:?}");

    let mut client = congestion(&stage);
    let life = client.get_jam(pb::GetJamRequest { jam_id: jam.jam_id }).await.unwrap().into_inner();
    assert_eq!(life.moments.len(), 13);
    assert!((life.moments[2].mean_speed_kmh - 20.0).abs() < 1e-6);
    let filter = pb::JamFilter { time: at(step(10)), district_id: "south".to_owned(), ..Default::default() };
    assert_eq!(jams(&stage, filter).await.len(), 0, "it does not reach the district");
    let filter = pb::JamFilter { time: at(step(10)), segment_id: "s5".to_owned(), ..Default::default() };
    assert_eq!(jams(&stage, filter).await.len(), 2, "by each rule");

    let filter = pb::SegmentStateFilter { min_level: pb::CongestionLevel::Heavy.into(), ..Default::default() };
    let request = pb::ListSegmentStatesRequest { filter: Some(filter), time: at(step(10)), ..Default::default() };
    let states = client.list_segment_states(request.clone()).await.unwrap().into_inner().states;
    let ids: Vec<&str> = states.iter().map(|state| state.segment_id.as_str()).collect();
    assert_eq!(ids, ["s4", "s5", "s6"]);
    assert_eq!((states[0].speed_kmh, seconds(states[0].level_time)), (Some(20.0), step(4)));
    let after = pb::ListSegmentStatesRequest { time: at(step(18)), ..request };
    assert_eq!(client.list_segment_states(after).await.unwrap().into_inner().states.len(), 0, "they were free then");

    let scores = client.get_scores(pb::GetScoresRequest { time: at(step(10)) }).await.unwrap().into_inner();
    let city = scores.city.unwrap();
    assert!((city.score - 8.0).abs() < 0.01, "three of eight take five times as long: {city:?}");
    assert!(scores.districts[0].score.abs() < 1e-9 && scores.districts[0].district_id == "south");

    let rule = pb::CongestionRule::MndotSlowTraffic.into();
    let request = pb::ListTrafficWarningsRequest { rule, ..Default::default() };
    let warning = client.list_traffic_warnings(request).await.unwrap().into_inner().warnings.remove(0);
    assert_eq!((warning.segment_id.as_str(), warning.detector_id.as_str()), ("s4", "d4"));
    assert_eq!((seconds(warning.start_time), seconds(warning.end_time)), (step(3), step(15)));

    let segment_ids = (0..COUNT).map(|number| format!("s{number}")).collect();
    let request = pb::GetTravelTimeRequest { segment_ids, depart_time: at(step(10)) };
    let way = client.get_travel_time(request).await.unwrap().into_inner();
    assert!((way.free_flow_seconds - 8.0 * LENGTH * 0.036).abs() < 0.5, "{way:?}");
    let slow = (5.0 * LENGTH / 100.0 + 3.0 * LENGTH / 20.0) * 3.6;
    assert!((way.experienced_seconds - slow).abs() < 1.0, "{way:?}");
    assert!((way.instantaneous_seconds - slow).abs() < 60.0 && way.coverage > 0.99, "{way:?}");
}

async fn late_and_corrected_readings_come_to_the_same(stage: Stage) {
    // As they came on time.
    build(&stage).await;
    ingest(&stage, readings()).await;
    let on_time = story(&stage).await;

    // First everything is said to be free; then, from the last to the first, what it really was, each twice.
    let late = Stage::on_sqlite().await;
    build(&late).await;
    let free = readings().into_iter().map(|reading| pb::NewReading { speed_kmh: Some(100.0), ..reading });
    ingest(&late, free.collect()).await;
    eventually(SOON, async || {
        let request = pb::ListSegmentStatesRequest { time: at(step(20)), ..Default::default() };
        let states = congestion(&late).list_segment_states(request).await.unwrap().into_inner().states;
        (states.len() == COUNT).then_some(()).ok_or("not computed")
    })
    .await;
    assert_eq!(jams(&late, pb::JamFilter::default()).await.len(), 0);
    for portion in readings().rchunks(COUNT * 5) {
        ingest(&late, portion.iter().rev().cloned().collect()).await;
        ingest(&late, portion.to_vec()).await;
    }
    eventually(SOON, async || (story(&late).await == on_time).then_some(()).ok_or("another story")).await;
}

async fn questions_are_checked(stage: Stage) {
    build(&stage).await;
    let mut client = congestion(&stage);
    let request = pb::GetTravelTimeRequest { segment_ids: vec!["s0".to_owned(), "s2".to_owned()], depart_time: None };
    let error = client.get_travel_time(request).await.unwrap_err();
    assert!(error.message().contains("segment_ids[1]"), "{error:?}");
    let request = pb::ListSegmentHistoryRequest {
        segment_id: "nowhere".to_owned(),
        start_time: at(0),
        end_time: at(60),
        ..Default::default()
    };
    assert_eq!(reason(&client.list_segment_history(request.clone()).await.unwrap_err()), "SEGMENT_NOT_FOUND");
    let long = pb::ListSegmentHistoryRequest { end_time: at(32 * 86_400), ..request };
    assert!(client.list_segment_history(long).await.unwrap_err().message().contains("end_time"));
    let nothing = client.get_scores(pb::GetScoresRequest::default()).await.unwrap().into_inner();
    assert!(nothing.city.is_none() && !nothing.formula_ru.is_empty(), "nobody measured anything");
    let rules = client.list_congestion_rules(pb::ListCongestionRulesRequest {}).await.unwrap().into_inner().rules;
    assert_eq!(rules.len(), 3);
    assert!(rules.iter().all(|rule| !rule.source.is_empty() && !rule.description_ru.is_empty()));
}
