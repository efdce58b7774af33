//! Detectors: their administration, their newest reading, and what their readings give away about them.

use std::time::Duration;

use kvartal_proto::traffic::v1 as pb;
use prost::Message as _;
use prost_types::FieldMask;
use tonic::Code;

use crate::readings::ingest;
use crate::stage::{NOW, Stage, at, on_both, reason, speed};

on_both!(
    a_detector_is_changed_by_mask_and_etag,
    a_retired_detector_keeps_its_readings_and_takes_no_more,
    lists_are_filtered_and_paged,
    a_detector_that_breaks_a_rule_fails_and_recovers,
    others_hear_once_that_a_detector_failed_and_once_that_it_recovered,
);

fn new(id: &str) -> pb::NewDetector {
    pb::NewDetector {
        detector_id: id.to_owned(),
        display_name: "Мост, полоса 1".to_owned(),
        kind: pb::DetectorKind::InductiveLoop.into(),
        location: Some(pb::LatLng { latitude: 55.7, longitude: 37.6 }),
        lane: 1,
        period_seconds: 60,
        ..Default::default()
    }
}

async fn a_detector_is_changed_by_mask_and_etag(stage: Stage) {
    let mut detectors = stage.detectors();
    let create = pb::CreateDetectorRequest { detector: Some(new("d1")) };
    let created = detectors.create_detector(create.clone()).await.unwrap().into_inner().detector.unwrap();
    assert_eq!((created.health(), created.last_measurement), (pb::DetectorHealth::Unspecified, None));
    let again = detectors.create_detector(create).await.unwrap().into_inner().detector.unwrap();
    assert_eq!(again.etag, created.etag, "the same again changes nothing");
    let other = pb::NewDetector { lane: 2, ..new("d1") };
    let refused = detectors.create_detector(pb::CreateDetectorRequest { detector: Some(other) }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "DETECTOR_EXISTS"));

    let change = |path: &str, etag: &str| pb::UpdateDetectorRequest {
        detector_id: "d1".to_owned(),
        display_name: "Тоннель".to_owned(),
        lane: 7,
        update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let changed = detectors.update_detector(change("display_name", &created.etag)).await.unwrap().into_inner();
    let changed = changed.detector.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.lane), ("Тоннель", 1), "only what the mask names");
    let stale = detectors.update_detector(change("lane", &created.etag)).await.unwrap_err();
    assert_eq!(stale.code(), Code::Aborted);
    let unknown = detectors.update_detector(change("etag", "")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert!(unknown.message().contains("update_mask"), "{unknown:?}");
}

async fn a_retired_detector_keeps_its_readings_and_takes_no_more(stage: Stage) {
    stage.add(&["d1"]).await;
    let now = NOW.seconds();
    let ingest = |time| pb::IngestReadingsRequest { readings: vec![speed("d1", time, 50.0)], validate_only: false };
    stage.readings().ingest_readings(ingest(now)).await.unwrap();
    let retire = pb::DeleteDetectorRequest { detector_id: "d1".to_owned(), etag: String::new() };
    let retired = stage.detectors().delete_detector(retire).await.unwrap().into_inner().detector.unwrap();
    assert_eq!(retired.health(), pb::DetectorHealth::Retired);
    assert_eq!(retired.last_measurement.unwrap().speed_kmh, Some(50.0));
    let answer = stage.readings().ingest_readings(ingest(now + 60)).await.unwrap().into_inner();
    assert_eq!((answer.rejected_count, answer.results[0].reason.as_str()), (1, "RETIRED_DETECTOR"));
    let list = pb::ListReadingsRequest {
        detector_id: "d1".to_owned(),
        start_time: at(now),
        end_time: at(now + 1),
        ..Default::default()
    };
    assert_eq!(stage.readings().list_readings(list).await.unwrap().into_inner().measurements.len(), 1);
}

async fn lists_are_filtered_and_paged(stage: Stage) {
    let placed = |id: &str, latitude: f64| {
        let location = Some(pb::LatLng { latitude, longitude: 37.0 });
        pb::NewDetector { location, segment_id: format!("s{}", id.len()), ..new(id) }
    };
    let detectors = vec![placed("a", 10.0), placed("b", 20.0), placed("cc", 30.0)];
    let put = pb::BatchPutDetectorsRequest { detectors };
    let counts = stage.detectors().batch_put_detectors(put.clone()).await.unwrap().into_inner();
    assert_eq!((counts.created_count, counts.updated_count, counts.unchanged_count), (3, 0, 0));
    let counts = stage.detectors().batch_put_detectors(put).await.unwrap().into_inner();
    assert_eq!((counts.created_count, counts.updated_count, counts.unchanged_count), (0, 0, 3));
    let ids = |filter: pb::DetectorFilter, page_size, page_token: String| {
        let mut client = stage.detectors();
        async move {
            let request = pb::ListDetectorsRequest { page_size, page_token, filter: Some(filter) };
            let page = client.list_detectors(request).await.unwrap().into_inner();
            let ids: Vec<String> = page.detectors.into_iter().map(|detector| detector.detector_id).collect();
            (ids, page.next_page_token)
        }
    };
    let (first, token) = ids(pb::DetectorFilter::default(), 2, String::new()).await;
    let (second, end) = ids(pb::DetectorFilter::default(), 2, token).await;
    assert_eq!((first, second, end.as_str()), (vec!["a".to_owned(), "b".to_owned()], vec!["cc".to_owned()], ""));
    let corner = |latitude| Some(pb::LatLng { latitude, longitude: if latitude < 15.0 { 30.0 } else { 40.0 } });
    let bounds = Some(pb::BoundingBox { low: corner(5.0), high: corner(25.0) });
    assert_eq!(ids(pb::DetectorFilter { bounds, ..Default::default() }, 0, String::new()).await.0, ["a", "b"]);
    let segment_id = "s2".to_owned();
    assert_eq!(ids(pb::DetectorFilter { segment_id, ..Default::default() }, 0, String::new()).await.0, ["cc"]);
    let healths = vec![pb::DetectorHealth::Failed.into()];
    assert_eq!(ids(pb::DetectorFilter { healths, ..Default::default() }, 0, String::new()).await.0.len(), 0);
}

/// A reading of a loop on which vehicles stand for a share of the time.
fn occupied(time: i64, percent: f64) -> pb::NewReading {
    pb::NewReading {
        detector_id: "d1".to_owned(),
        time: at(time),
        occupancy_percent: Some(percent),
        vehicle_count: Some(3),
        ..Default::default()
    }
}

async fn a_detector_that_breaks_a_rule_fails_and_recovers(stage: Stage) {
    stage.detectors().create_detector(pb::CreateDetectorRequest { detector: Some(new("d1")) }).await.unwrap();
    let now = NOW.seconds();
    let readings: Vec<_> = (0..4).map(|minute| occupied(now - 60 * minute, 100.0)).collect();
    stage.readings().ingest_readings(pb::IngestReadingsRequest { readings, validate_only: false }).await.unwrap();
    let seen = async |health: pb::DetectorHealth| {
        let detector = stage.judged("d1").await;
        assert_eq!(detector.health(), health, "{detector:?}");
        detector
    };
    let failed = seen(pb::DetectorHealth::Failed).await;
    assert_eq!(failed.broken_rules, [pb::HealthRule::LockedOn as i32]);
    stage.clock.advance(Duration::from_secs(60));
    let readings = vec![occupied(now + 60, 12.0)];
    stage.readings().ingest_readings(pb::IngestReadingsRequest { readings, validate_only: false }).await.unwrap();
    // The fall from 100 % is no spike: it did not rise to it.
    seen(pb::DetectorHealth::Good).await;
    stage.clock.advance(Duration::from_secs(3_600));
    assert_eq!(seen(pb::DetectorHealth::Failed).await.broken_rules, [pb::HealthRule::Silent as i32]);
    let request = pb::ListDetectorHealthEventsRequest { detector_id: "d1".to_owned(), ..Default::default() };
    let events = stage.detectors().list_detector_health_events(request).await.unwrap().into_inner().events;
    let told: Vec<_> = events.iter().map(|event| (event.rule(), event.broken)).collect();
    let expected =
        [(pb::HealthRule::Silent, true), (pb::HealthRule::LockedOn, false), (pb::HealthRule::LockedOn, true)];
    assert_eq!(told, expected);
    let rules = stage.detectors().list_detector_health_rules(pb::ListDetectorHealthRulesRequest {}).await.unwrap();
    assert_eq!(rules.into_inner().rules.len(), 6);
}

async fn others_hear_once_that_a_detector_failed_and_once_that_it_recovered(stage: Stage) {
    let heard = stage.listen(&["DetectorFailed", "DetectorRecovered"]).await;
    stage.detectors().create_detector(pb::CreateDetectorRequest { detector: Some(new("d1")) }).await.unwrap();
    let now = NOW.seconds();
    // Good from the beginning: nobody has to be told.
    ingest(&stage, vec![occupied(now, 12.0)]).await;
    assert_eq!(stage.judged("d1").await.health(), pb::DetectorHealth::Good);

    stage.clock.advance(Duration::from_secs(240));
    ingest(&stage, (1..=4).map(|minute| occupied(now + 60 * minute, 100.0)).collect()).await;
    let mut broken = stage.judged("d1").await.broken_rules;
    broken.sort_unstable();
    assert!(broken.contains(&pb::HealthRule::LockedOn.into()), "{broken:?}");
    let told = heard.about("d1", 1).await;
    assert_eq!(told[0].kind, "kvartal.traffic.v1.DetectorFailed");
    let failed = pb::DetectorFailed::decode(told[0].payload.as_ref()).unwrap();
    assert_eq!((failed.detector_id.as_str(), failed.display_name.as_str()), ("d1", "Мост, полоса 1"));
    assert_eq!((failed.broken_rules, failed.detail.is_empty()), (broken, false));

    // It breaks another rule now: it failed before, and that was told.
    stage.clock.advance(Duration::from_secs(3_600));
    let silent = stage.judged("d1").await.broken_rules;
    assert!(silent.contains(&pb::HealthRule::Silent.into()), "{silent:?}");
    let later = now + 240 + 3_600;
    ingest(&stage, (0..3).map(|minute| occupied(later - 60 * minute, 12.0)).collect()).await;
    // Several judge at once, as replicas may.
    let judges = futures::future::join_all((0..3).map(|_| stage.judged("d1"))).await;
    assert!(judges.iter().all(|detector| detector.health() == pb::DetectorHealth::Good), "{judges:?}");
    stage.clock.advance(Duration::from_secs(3_600));
    assert_eq!(stage.judged("d1").await.health(), pb::DetectorHealth::Failed);
    let told = heard.about("d1", 3).await;
    let kinds: Vec<&str> = told.iter().map(|event| event.kind.trim_start_matches("kvartal.traffic.v1.")).collect();
    assert_eq!(kinds, ["DetectorFailed", "DetectorRecovered", "DetectorFailed"]);
    let recovered = pb::DetectorRecovered::decode(told[1].payload.as_ref()).unwrap();
    assert_eq!((recovered.detector_id.as_str(), recovered.display_name.as_str()), ("d1", "Мост, полоса 1"));
}
