//! Readings: each judged by itself, kept together, known by detector and time.

use kvartal_proto::traffic::v1 as pb;
use tonic::Code;

use crate::stage::{NOW, Stage, at, on_both, speed};

on_both!(
    each_reading_is_judged_by_itself,
    duplicates_change_nothing_and_corrections_replace,
    late_and_shuffled_readings_come_out_in_order_and_in_pages,
    columns_say_what_rows_say,
    callers_at_once_lose_nothing,
    the_grid_shows_every_detector_of_an_interval,
);

pub(crate) async fn ingest(stage: &Stage, readings: Vec<pb::NewReading>) -> pb::IngestReadingsResponse {
    let request = pb::IngestReadingsRequest { readings, validate_only: false };
    stage.readings().ingest_readings(request).await.unwrap().into_inner()
}

pub(crate) async fn list(stage: &Stage, detector: &str, start: i64, end: i64) -> Vec<pb::Measurement> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListReadingsRequest {
            detector_id: detector.to_owned(),
            start_time: at(start),
            end_time: at(end),
            page_size: 7,
            page_token,
        };
        let page = stage.readings().list_readings(request).await.unwrap().into_inner();
        found.extend(page.measurements);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn each_reading_is_judged_by_itself(stage: Stage) {
    stage.add(&["d1"]).await;
    let now = NOW.seconds();
    let mut readings = vec![
        speed("d1", now, 50.0),
        speed("nobody", now, 50.0),
        speed("d1", now, 300.5),
        speed("d1", now, f64::NAN),
        speed("d1", now + 301, 50.0),
        speed("d1", 0, 50.0),
        pb::NewReading { detector_id: "d1".to_owned(), time: at(now), ..Default::default() },
        pb::NewReading { time: None, ..speed("d1", now, 50.0) },
        pb::NewReading { occupancy_percent: Some(-0.1), ..speed("d1", now, 50.0) },
        pb::NewReading { vehicle_count: Some(-1), ..speed("d1", now, 50.0) },
        pb::NewReading { travel_time_seconds: Some(86_401.0), ..speed("d1", now, 50.0) },
    ];
    readings.push(speed("d1", now - 60, 0.0));
    let request = pb::IngestReadingsRequest { readings: readings.clone(), validate_only: true };
    let dry = stage.readings().ingest_readings(request).await.unwrap().into_inner();
    assert_eq!((dry.accepted_count, dry.rejected_count), (2, 10));
    assert!(list(&stage, "d1", now - 100, now + 1).await.is_empty(), "validate_only keeps nothing");
    let answer = ingest(&stage, readings).await;
    let reasons: Vec<&str> = answer.results.iter().map(|result| result.reason.as_str()).collect();
    let expected = [
        "",
        "UNKNOWN_DETECTOR",
        "SPEED_OUT_OF_RANGE",
        "SPEED_OUT_OF_RANGE",
        "TIME_IN_FUTURE",
        "TIME_TOO_OLD",
        "NO_VALUE",
        "TIME_MISSING",
        "OCCUPANCY_OUT_OF_RANGE",
        "VEHICLE_COUNT_OUT_OF_RANGE",
        "TRAVEL_TIME_OUT_OF_RANGE",
        "",
    ];
    assert_eq!(reasons, expected);
    assert!(answer.results.iter().all(|result| result.reason.is_empty() == result.message.is_empty()));
    assert_eq!(list(&stage, "d1", now - 100, now + 1).await.len(), 2);
}

async fn duplicates_change_nothing_and_corrections_replace(stage: Stage) {
    stage.add(&["d1"]).await;
    let now = NOW.seconds();
    let counts = |answer: pb::IngestReadingsResponse| {
        (answer.accepted_count, answer.duplicate_count, answer.corrected_count, answer.rejected_count)
    };
    assert_eq!(counts(ingest(&stage, vec![speed("d1", now, 50.0), speed("d1", now, 50.0)]).await), (1, 1, 0, 0));
    assert_eq!(counts(ingest(&stage, vec![speed("d1", now, 50.0)]).await), (0, 1, 0, 0));
    assert_eq!(counts(ingest(&stage, vec![speed("d1", now, 51.0), speed("d1", now, 52.0)]).await), (0, 0, 2, 0));
    let mut within = speed("d1", now, 52.0);
    within.time.as_mut().unwrap().nanos = 999_999_999;
    assert_eq!(counts(ingest(&stage, vec![within]).await), (0, 1, 0, 0), "parts of a second are dropped");
    let found = list(&stage, "d1", now, now + 1).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].speed_kmh, found[0].revision), (Some(52.0), 2));
}

async fn late_and_shuffled_readings_come_out_in_order_and_in_pages(stage: Stage) {
    stage.add(&["d1"]).await;
    let start = NOW.seconds() - 86_400;
    // 37 and 101 have no common divisor: every place once, in no order.
    let times: Vec<i64> = (0..101).map(|n| start + (n * 37 % 101) * 300).collect();
    for chunk in times.chunks(10) {
        ingest(&stage, chunk.iter().map(|time| speed("d1", *time, 40.0)).collect()).await;
    }
    let found = list(&stage, "d1", start, start + 86_400).await;
    let seconds: Vec<i64> = found.iter().map(|reading| reading.time.unwrap().seconds).collect();
    assert_eq!(seconds, (0..101).map(|n| start + n * 300).collect::<Vec<_>>());
    let wrong = |start_time, end_time, page_token: &str| pb::ListReadingsRequest {
        detector_id: "d1".to_owned(),
        start_time: at(start_time),
        end_time: at(end_time),
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    for request in [wrong(start, start, ""), wrong(start, start + 32 * 86_400, ""), wrong(start, start + 1, "x")] {
        let refused = stage.readings().list_readings(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

async fn columns_say_what_rows_say(stage: Stage) {
    stage.add(&["d1", "d2"]).await;
    let now = NOW.seconds();
    let columns = pb::IngestReadingColumnsRequest {
        detector_ids: vec!["d1".to_owned(), "d2".to_owned(), "nobody".to_owned()],
        detector_indexes: vec![0, 1, 1, 2],
        unix_seconds: vec![now, now, now + 1, now],
        speeds_kmh: vec![50.5, -1.0, 301.0, 10.0],
        vehicle_counts: vec![4, 5, -1, 1],
        ..Default::default()
    };
    let answer = stage.readings().ingest_reading_columns(columns.clone()).await.unwrap().into_inner();
    assert_eq!((answer.accepted_count, answer.rejected_count), (2, 2));
    let rejected: Vec<_> = answer.rejected.iter().map(|rejected| (rejected.index, rejected.reason.as_str())).collect();
    assert_eq!(rejected, [(2, "SPEED_OUT_OF_RANGE"), (3, "UNKNOWN_DETECTOR")]);
    let row = pb::NewReading { vehicle_count: Some(4), ..speed("d1", now, 50.5) };
    assert_eq!(ingest(&stage, vec![row]).await.duplicate_count, 1);
    let second = list(&stage, "d2", now, now + 10).await;
    assert_eq!((second.len(), second[0].speed_kmh, second[0].vehicle_count), (1, None, Some(5)));
    let uneven = pb::IngestReadingColumnsRequest { speeds_kmh: vec![1.0], ..columns.clone() };
    let wild = pb::IngestReadingColumnsRequest { detector_indexes: vec![0, 1, 3, 0], ..columns };
    for (request, field) in [(uneven, "speeds_kmh"), (wild, "detector_indexes[2]")] {
        let refused = stage.readings().ingest_reading_columns(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(field), "{refused:?}");
    }
}

async fn callers_at_once_lose_nothing(stage: Stage) {
    stage.add(&["d1"]).await;
    let start = NOW.seconds() - 3_600;
    let calls = (0..20).map(|caller| {
        // Each shares half of its readings with the next.
        let readings = (0..40).map(|n| speed("d1", start + caller * 20 + n, 60.0)).collect();
        ingest(&stage, readings)
    });
    let answers = futures::future::join_all(calls).await;
    let accepted: u32 = answers.iter().map(|answer| answer.accepted_count).sum();
    let duplicate: u32 = answers.iter().map(|answer| answer.duplicate_count).sum();
    assert_eq!((accepted, duplicate), (420, 380));
    assert_eq!(list(&stage, "d1", start, start + 3_600).await.len(), 420);
}

async fn the_grid_shows_every_detector_of_an_interval(stage: Stage) {
    let ids: Vec<String> = (0..25).map(|n| format!("d{n}")).collect();
    stage.add(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let start = NOW.seconds() - 3_600;
    let readings = ids.iter().zip(0..).map(|(id, n)| speed(id, start + i64::from(n) * 60, f64::from(n))).collect();
    ingest(&stage, readings).await;
    let mut cells = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListCityGridRequest {
            interval: pb::Interval::FiveMinutes.into(),
            time: at(start + 301),
            page_size: 10,
            page_token,
        };
        let page = stage.readings().list_city_grid(request).await.unwrap().into_inner();
        cells.extend(page.cells);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let found: Vec<_> = cells.iter().map(|cell| cell.detector_id.as_str()).collect();
    assert_eq!(found, ["d5", "d6", "d7", "d8", "d9"]);
    assert_eq!(cells[0].aggregate.as_ref().unwrap().speed_kmh.as_ref().unwrap().mean, 5.0);
}
