//! Real files, where they are: the whole of Los-loop and four series of NAB, against an independent calculation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kvartal_proto::traffic::v1 as pb;

use crate::imports::import;
use crate::rollups::{INTERVALS, aggregates};
use crate::stage::{Stage, at, on_both};

on_both!(los_loop_is_imported_whole_and_every_aggregate_is_right, nab_series_are_imported_and_every_aggregate_is_right);

/// 2012-03-01T00:00:00Z.
const START: i64 = 1_330_560_000;

/// A file of the folder of real data; says so where there is none.
fn file(name: &str) -> Option<PathBuf> {
    let folder = kvartal_testing::real_data();
    if folder.is_none() {
        eprintln!("SKIPPED: there is no folder of real data; name it in KVARTAL_DATA");
    }
    Some(folder?.join(name))
}

/// What readings come to, in whole thousandths: sum, least, most, count by beginning of the interval.
fn expected(readings: &[(i64, i64)], seconds: i64) -> BTreeMap<i64, (i64, i64, i64, u32)> {
    let mut all = BTreeMap::new();
    for (time, value) in readings {
        let slot = all.entry(time.div_euclid(seconds) * seconds).or_insert((0, i64::MAX, i64::MIN, 0));
        *slot = (slot.0 + value, slot.1.min(*value), slot.2.max(*value), slot.3 + 1);
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn same(stat: &pb::Statistics, want: &(i64, i64, i64, u32)) -> bool {
    let mean = want.0 as f64 / f64::from(want.3) / 1_000.0;
    let (least, most) = (want.1 as f64 / 1_000.0, want.2 as f64 / 1_000.0);
    stat.sample_count == want.3 && (stat.mean - mean).abs() < 1e-9 && stat.min == least && stat.max == most
}

async fn check(stage: &Stage, id: &str, readings: &[(i64, i64)], of: fn(&pb::Aggregate) -> &Option<pb::Statistics>) {
    let (first, last) = (readings.iter().map(|r| r.0).min().unwrap(), readings.iter().map(|r| r.0).max().unwrap());
    for (interval, seconds) in INTERVALS {
        let want = expected(readings, seconds);
        let found = aggregates(stage, id, interval, first - 3_600, last + 1).await;
        assert_eq!(found.len(), want.len(), "{id} {interval:?}");
        for (aggregate, (begin, want)) in found.iter().zip(&want) {
            assert_eq!(aggregate.start_time, at(*begin), "{id} {interval:?}");
            assert!(same(of(aggregate).as_ref().unwrap(), want), "{id} {interval:?}: {aggregate:?} is not {want:?}");
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "speeds are small")]
fn metres_an_hour(mph: f64) -> i64 {
    (mph * 1.609_344 * 1_000.0).round() as i64
}

async fn los_loop_is_imported_whole_and_every_aggregate_is_right(stage: Stage) {
    let Some(path) = file("los-loop/los_speed_train.csv") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let request = pb::ImportReadingsRequest {
        content: text.clone().into(),
        measure: pb::Measure::SpeedMph.into(),
        start_time: at(START),
        create_detectors: true,
        expected_rows: 1_612,
        ..Default::default()
    };
    let report = import(&stage, request.clone()).await;
    assert_eq!((report.imported, report.reading_count, report.accepted_count), (true, 333_684, 333_684), "{report:?}");
    assert_eq!(report.created_detector_count, 207);

    let mut rows = text.lines();
    let ids: Vec<&str> = rows.next().unwrap().split(',').collect();
    let table: Vec<Vec<i64>> =
        rows.map(|row| row.split(',').map(|cell| metres_an_hour(cell.parse().unwrap())).collect()).collect();
    let series = |column: usize| -> Vec<(i64, i64)> {
        (0..).zip(&table).map(|(row, values)| (START + row * 300, values[column])).collect()
    };
    for (column, id) in ids.iter().enumerate() {
        check(&stage, id, &series(column), |aggregate| &aggregate.speed_kmh).await;
    }
    let again = import(&stage, request).await;
    assert_eq!((again.accepted_count, again.duplicate_count, again.corrected_count), (0, 333_684, 0));

    // Everything once more, in an order of its own: 7,919 and the number of readings have no common divisor.
    let count = table.len() * ids.len();
    let order: Vec<usize> = (0..count).map(|n| n * 7_919 % count).collect();
    let mut duplicates = 0;
    for chunk in order.chunks(50_000) {
        let place = |n: &usize| (n / ids.len(), n % ids.len());
        let columns = pb::IngestReadingColumnsRequest {
            detector_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            detector_indexes: chunk.iter().map(|n| u32::try_from(place(n).1).unwrap()).collect(),
            unix_seconds: chunk.iter().map(|n| START + i64::try_from(place(n).0).unwrap() * 300).collect(),
            speeds_kmh: chunk.iter().map(|n| kmh(table[place(n).0][place(n).1])).collect(),
            ..Default::default()
        };
        let answer = stage.readings().ingest_reading_columns(columns).await.unwrap().into_inner();
        assert_eq!((answer.accepted_count, answer.corrected_count, answer.rejected_count), (0, 0, 0));
        duplicates += answer.duplicate_count;
    }
    assert_eq!(duplicates, 333_684);
    for (column, id) in ids.iter().enumerate().step_by(20) {
        check(&stage, id, &series(column), |aggregate| &aggregate.speed_kmh).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "speeds are small")]
fn kmh(metres_an_hour: i64) -> f32 {
    metres_an_hour as f32 / 1_000.0
}

async fn nab_series_are_imported_and_every_aggregate_is_right(stage: Stage) {
    type Of = fn(&pb::Aggregate) -> &Option<pb::Statistics>;
    type Units = fn(f64) -> i64;
    let files: [(&str, pb::Measure, Of, Units); 4] = [
        ("TravelTime_451", pb::Measure::TravelTimeSeconds, |a| &a.travel_time_seconds, thousandths),
        ("occupancy_6005", pb::Measure::OccupancyPercent, |a| &a.occupancy_percent, thousandths),
        ("speed_6005", pb::Measure::SpeedMph, |a| &a.speed_kmh, metres_an_hour),
        ("speed_t4013", pb::Measure::SpeedMph, |a| &a.speed_kmh, metres_an_hour),
    ];
    for (name, measure, of, units) in files {
        let Some(path) = file(&format!("nab/{name}.csv")) else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let request = pb::ImportReadingsRequest {
            content: text.clone().into(),
            measure: measure.into(),
            detector_id: name.to_owned(),
            create_detectors: true,
            ..Default::default()
        };
        let report = import(&stage, request.clone()).await;
        assert!(report.imported, "{name}: {report:?}");
        // Of two lines with one time the later one counts.
        let lines = text.lines().skip(1).map(|line| {
            let (time, value) = line.split_once(',').unwrap();
            let time = kvartal_kernel::Timestamp::parse(&format!("{}Z", time.replace(' ', "T"))).unwrap();
            (time.seconds(), units(value.parse().unwrap()))
        });
        let series: BTreeMap<i64, i64> = lines.collect();
        let lines = text.lines().count() - 1;
        assert_eq!(report.reading_count as usize, lines, "{name}");
        assert_eq!(report.accepted_count as usize, series.len(), "{name}: {report:?}");
        let series: Vec<(i64, i64)> = series.into_iter().collect();
        check(&stage, name, &series, of).await;
        if lines == series.len() {
            let again = import(&stage, request).await;
            assert_eq!((again.accepted_count, again.corrected_count), (0, 0), "{name}");
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "values are small")]
fn thousandths(value: f64) -> i64 {
    (value * 1_000.0).round() as i64
}
