//! Imports of files: as a whole or not at all, with the line and the reason of each error.

use kvartal_proto::traffic::v1 as pb;
use tonic::Code;

use crate::readings::list;
use crate::stage::{NOW, Stage, at, on_both};

on_both!(
    a_wide_file_is_imported_with_progress,
    a_long_file_is_imported_with_its_measures,
    damaged_files_are_refused_and_nothing_is_kept,
    unknown_detectors_are_errors_unless_they_may_be_added,
);

/// Imports; every message of the stream.
pub(crate) async fn messages(stage: &Stage, request: pb::ImportReadingsRequest) -> Vec<pb::ImportReadingsResponse> {
    let mut stream = stage.readings().import_readings(request).await.unwrap().into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        messages.push(message);
    }
    messages
}

/// Imports; the report.
pub(crate) async fn import(stage: &Stage, request: pb::ImportReadingsRequest) -> pb::ImportReport {
    messages(stage, request).await.pop().unwrap().report.unwrap()
}

fn wide(content: &str) -> pb::ImportReadingsRequest {
    pb::ImportReadingsRequest {
        content: content.to_owned().into(),
        measure: pb::Measure::SpeedMph.into(),
        start_time: at(NOW.seconds() - 86_400),
        create_detectors: true,
        ..Default::default()
    }
}

async fn a_wide_file_is_imported_with_progress(stage: Stage) {
    let start = NOW.seconds() - 86_400;
    let rows: String = (0..600).map(|row| format!("{}.5,{row}e-1\n", row % 70)).collect();
    let content = format!("a,b\r\n{}", rows.trim_end());
    // 600 rows of five minutes reach into the future; with a minute they do not.
    let late = import(&stage, wide(&content)).await;
    assert_eq!((late.imported, late.errors[0].reason.as_str(), late.errors[0].line), (false, "TIME_IN_FUTURE", 292));
    let request = pb::ImportReadingsRequest { step_seconds: 60, expected_rows: 600, ..wide(&content) };
    let told = messages(&stage, request.clone()).await;
    assert!(told.iter().all(|message| message.done_count <= message.total_count), "{told:?}");
    let report = told.last().unwrap().report.clone().unwrap();
    assert_eq!((report.imported, report.line_count, report.accepted_count), (true, 600, 1_200));
    assert_eq!((report.created_detector_count, report.first_time), (2, at(start)));
    let found = list(&stage, "a", start, start + 120).await;
    assert_eq!(found.iter().map(|reading| reading.speed_kmh).collect::<Vec<_>>(), [Some(0.805), Some(2.414)]);
    let again = import(&stage, request).await;
    assert_eq!((again.accepted_count, again.duplicate_count, again.created_detector_count), (0, 1_200, 0));
}

async fn a_long_file_is_imported_with_its_measures(stage: Stage) {
    let content = "detector_id,timestamp,speed_kmh,vehicle_count,occupancy_percent\n\
                   a,2026-11-20 08:00:00,50,4.0,\n\
                   b,2026-11-20T11:00:00+03:00,,7,12.5\n\
                   a,2026-11-20 07:55:00,49,,3";
    let request = pb::ImportReadingsRequest {
        content: content.to_owned().into(),
        create_detectors: true,
        utc_offset_minutes: 60,
        ..Default::default()
    };
    let report = import(&stage, request).await;
    assert_eq!((report.imported, report.line_count, report.accepted_count), (true, 3, 3), "{report:?}");
    let seven = NOW.seconds() - 2 * 3_600;
    let found = list(&stage, "a", seven - 3_600, seven + 3_600).await;
    let times: Vec<i64> = found.iter().map(|reading| reading.time.unwrap().seconds - seven).collect();
    assert_eq!(times, [-300, 0], "the clock of the file is an hour ahead");
    assert_eq!((found[1].vehicle_count, found[1].occupancy_percent), (Some(4), None));
    let other = list(&stage, "b", seven, seven + 7_200).await;
    assert_eq!((other[0].time, other[0].occupancy_percent), (at(seven + 3_600), Some(12.5)), "RFC 3339 says its zone");
}

async fn damaged_files_are_refused_and_nothing_is_kept(stage: Stage) {
    let long = |content: &str| pb::ImportReadingsRequest {
        content: content.to_owned().into(),
        measure: pb::Measure::SpeedKmh.into(),
        detector_id: "a".to_owned(),
        create_detectors: true,
        ..Default::default()
    };
    let raw = |content: &'static [u8]| pb::ImportReadingsRequest { content: content.into(), ..wide("") };
    let cases = [
        (wide("a,b\n1,2\n1\n3,4"), 3, "", "ROW_LENGTH"),
        (wide("a,b\n1,2\n1,x"), 3, "b", "NOT_A_NUMBER"),
        (wide("a,b\n1,2\n1,NaN"), 3, "b", "NOT_A_NUMBER"),
        (wide("a,b\n1,2\n-1,2"), 3, "a", "SPEED_OUT_OF_RANGE"),
        (wide("a,a\n1,2"), 1, "a", "COLUMN_TWICE"),
        (wide("a,б\n1,2"), 1, "б", "BAD_DETECTOR_ID"),
        (wide("\n1,2"), 1, "", "HEADER_MISSING"),
        (wide("a,b\n"), 0, "", "NO_READINGS"),
        (pb::ImportReadingsRequest { expected_rows: 3, ..wide("a\n1\n2") }, 0, "", "ROW_COUNT"),
        (pb::ImportReadingsRequest { measure: 0, ..wide("a\n1") }, 0, "", "MEASURE_MISSING"),
        (pb::ImportReadingsRequest { start_time: None, ..wide("a\n1") }, 0, "", "START_MISSING"),
        (raw(b"PK\x03\x04abcdef"), 0, "", "NOT_CSV"),
        (raw(b"version https://git-lfs.github.com/spec/v1"), 0, "", "NOT_CSV"),
        (raw(b"<!DOCTYPE html><html>"), 0, "", "NOT_CSV"),
        (raw(b"a,b\n1,\xff"), 0, "", "NOT_UTF8"),
        (long("timestamp,value\n2026-11-20 08:00:00,1\n2026-13-20 08:00:00,1"), 3, "timestamp", "BAD_TIMESTAMP"),
        (long("timestamp,value\n1999-11-20 08:00:00,1"), 2, "", "TIME_TOO_OLD"),
        (long("timestamp,value\n2026-11-20 08:00:00,"), 2, "", "NO_VALUE"),
        (long("timestamp,wert\n2026-11-20 08:00:00,1"), 1, "wert", "UNKNOWN_COLUMN"),
        (long("timestamp\n2026-11-20 08:00:00"), 1, "", "COLUMN_MISSING"),
        (long("detector_id,timestamp,value\na,2026-11-20 08:00:00,1"), 1, "", "DETECTOR_UNCLEAR"),
    ];
    for (request, line, column, expected) in cases {
        let report = import(&stage, request.clone()).await;
        let first = report.errors.first().unwrap_or_else(|| panic!("{expected}: was taken: {request:?}"));
        assert_eq!((first.line, first.column.as_str(), first.reason.as_str()), (line, column, expected), "{first:?}");
        assert!(!report.imported && report.error_count >= 1 && !first.message.is_empty());
    }
    let many = format!("a\n{}", "x\n".repeat(300));
    let report = import(&stage, wide(&many)).await;
    assert_eq!((report.errors.len(), report.error_count, report.line_count), (200, 300, 300));
    let empty = pb::ImportReadingsRequest { content: bytes_of(""), ..wide("") };
    assert_eq!(stage.readings().import_readings(empty).await.unwrap_err().code(), Code::InvalidArgument);
    let detectors = stage.detectors().list_detectors(pb::ListDetectorsRequest::default()).await.unwrap().into_inner();
    assert!(detectors.detectors.is_empty(), "not even the detectors of a damaged file are kept");
}

fn bytes_of(text: &str) -> prost::bytes::Bytes {
    prost::bytes::Bytes::copy_from_slice(text.as_bytes())
}

async fn unknown_detectors_are_errors_unless_they_may_be_added(stage: Stage) {
    stage.add(&["a"]).await;
    let request = pb::ImportReadingsRequest { create_detectors: false, ..wide("a,b\n1,2") };
    let report = import(&stage, request).await;
    assert_eq!((report.imported, report.error_count), (false, 1));
    assert_eq!((report.errors[0].column.as_str(), report.errors[0].reason.as_str()), ("b", "UNKNOWN_DETECTOR"));
    let dry = import(&stage, pb::ImportReadingsRequest { validate_only: true, ..wide("a,b\n1,2") }).await;
    assert_eq!((dry.imported, dry.accepted_count, dry.created_detector_count), (false, 2, 1));
    assert!(list(&stage, "a", NOW.seconds() - 86_400, NOW.seconds()).await.is_empty());
}
