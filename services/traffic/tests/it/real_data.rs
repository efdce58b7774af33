//! Real files, where they are: the whole of Los-loop and four series of NAB, against an independent calculation.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::forecast_service_client::ForecastServiceClient;
use kvartal_testing::eventually;

use crate::congestion::congestion;
use crate::data::LosLoop;
use crate::imports::import;
use crate::los_city::{LosCity, jams, warnings};
use crate::oracle::{HELD_OUT, persistence};
use crate::rollups::{INTERVALS, aggregates};
use crate::stage::{Stage, at};
use crate::watcher::{Known, Watcher};

/// 2015-09-17T00:00:00Z, a Thursday as the first day of Los-loop: its week then follows the series of NAB.
const START: i64 = 1_442_448_000;
/// A minute after its last step is complete.
const END: i64 = START + 1_612 * 300 + 60;
const MILE: f64 = 1.609_344;
/// The longest that anything may take to be computed.
const SOON: Duration = Duration::from_mins(5);

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

/// The clock stands a minute after the last step is complete; everything was measured before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_files_come_to_what_they_must_while_somebody_watches_on_sqlite() {
    let Some(data) = LosLoop::read("real files through the RPCs, SQLite") else { return };
    real_files_come_to_what_they_must(Stage::on_sqlite_at(END).await, LosCity::new(data, START)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_files_come_to_what_they_must_while_somebody_watches_on_postgres() {
    let Some(data) = LosLoop::read("real files through the RPCs, PostgreSQL") else { return };
    real_files_come_to_what_they_must(Stage::on_postgres_at(END).await, LosCity::new(data, START)).await;
}

async fn real_files_come_to_what_they_must(stage: Stage, city: LosCity) {
    city.build(&stage).await;
    let watchers = [Watcher::of(&stage, 4).await, Watcher::of(&stage, 1).await];
    let table = Table::of(&city.data);

    // The second half comes first and is computed; the first half is late then.
    let half = table.rows.len() / 2;
    let report = import(&stage, table.request(half..table.rows.len())).await;
    assert_eq!((report.imported, report.accepted_count), (true, table.count(half)), "{report:?}");
    eventually(SOON, async || computed(&stage).await).await;
    let report = import(&stage, table.request(0..table.rows.len())).await;
    assert_eq!((report.reading_count, report.duplicate_count), (333_684, table.count(half)), "{report:?}");
    assert_eq!((report.accepted_count, report.corrected_count), (333_684 - table.count(half), 0), "{report:?}");
    nab_series_are_imported_and_every_aggregate_is_right(&stage).await;
    table.check(&stage, 1).await;

    let bottlenecks = eventually(SOON, async || city.bottlenecks(&stage).await).await;
    let slow = eventually(SOON, async || city.slow_traffic(&stage).await).await;
    assert!(bottlenecks > 10 && slow > 10, "there are jams in that week: {bottlenecks}, {slow}");
    println!("jams through the RPCs, as sought: {bottlenecks} bottlenecks of PeMS, {slow} warnings of slow traffic");
    eventually(SOON, async || sees_what_is_listed(&stage, &watchers).await).await;
    forecasts_are_measured(&stage, &city.data).await;

    // Once more as it is, and once more in an order of its own.
    let before = story(&stage).await;
    let again = import(&stage, table.request(0..table.rows.len())).await;
    assert_eq!((again.accepted_count, again.duplicate_count, again.corrected_count), (0, 333_684, 0));
    assert_eq!(table.send_shuffled(&stage).await, 333_684);
    table.check(&stage, 20).await;
    assert_eq!(story(&stage).await, before, "copies change nothing");
    for watcher in &watchers {
        watcher.known();
    }
}

/// Whether the last step is.
async fn computed(stage: &Stage) -> Result<(), String> {
    let states = states(stage).await;
    let last = START + 1_611 * 300;
    let there = states.iter().filter(|state| state.observe_time.is_some_and(|time| time.seconds >= last)).count();
    if there == 207 { Ok(()) } else { Err(format!("{there} of 207 segments are computed")) }
}

async fn states(stage: &Stage) -> Vec<pb::SegmentState> {
    let request = pb::ListSegmentStatesRequest { page_size: 5_000, ..Default::default() };
    congestion(stage).list_segment_states(request).await.unwrap().into_inner().states
}

/// All jams and warnings, and the states of now.
async fn story(stage: &Stage) -> String {
    let mut told = format!("{:?}\n", states(stage).await);
    for rule in
        [pb::CongestionRule::SegmentState, pb::CongestionRule::PemsBottleneck, pb::CongestionRule::MndotSlowTraffic]
    {
        told.push_str(&format!("{:?}\n{:?}\n", jams(stage, rule).await, warnings(stage, rule).await));
    }
    told
}

/// What is on the map is what the lists say: states, scores, and what ended in the last half hour or lasts.
async fn sees_what_is_listed(stage: &Stage, watchers: &[Watcher]) -> Result<(), String> {
    let mut client = congestion(stage);
    let start_time = at(END - 1_800);
    let filter = Some(pb::JamFilter { start_time, ..Default::default() });
    let request = pb::ListJamsRequest { page_size: 200, filter, ..Default::default() };
    let jams = client.list_jams(request).await.unwrap().into_inner().jams;
    let request = pb::ListTrafficWarningsRequest { page_size: 200, start_time, ..Default::default() };
    let warnings = client.list_traffic_warnings(request).await.unwrap().into_inner().warnings;
    let scores = client.get_scores(pb::GetScoresRequest::default()).await.unwrap().into_inner();
    let listed = Known {
        segments: states(stage).await.into_iter().map(|it| (it.segment_id.clone(), it)).collect(),
        jams: jams.into_iter().map(|it| (it.jam_id.clone(), it)).collect(),
        scores: scores.city.into_iter().chain(scores.districts).map(|it| (it.district_id.clone(), it)).collect(),
        warnings: warnings.into_iter().map(|it| (it.warning_id.clone(), it)).collect(),
    };
    for watcher in watchers {
        let (known, messages) = watcher.known();
        if known != listed {
            return Err(format!("after {messages} messages: {known:?}\nis not {listed:?}"));
        }
        assert!(messages > 1, "the map moved while it was watched");
    }
    Ok(())
}

/// The last day is held out; errors in mph, means over the steps up to each horizon.
async fn forecasts_are_measured(stage: &Stage, data: &LosLoop) {
    let client = ForecastServiceClient::new(stage.client(&stage.person(&["analyst"])));
    let time = |row: usize| at(START + i64::try_from(row).unwrap() * 300);
    let rows = data.rows.len();
    let request = pb::EvaluateForecastsRequest {
        detector_ids: data.ids.clone(),
        train_start_time: time(0),
        test_start_time: time(rows - HELD_OUT),
        test_end_time: time(rows),
    };
    let answer = client.clone().evaluate_forecasts(request).await.unwrap().into_inner();
    assert_eq!(answer.detector_count, 207);
    println!("Los-loop through the RPC, last day held out: RMSE/MAE in mph at 15, 30, 45, 60 min");
    for model in [pb::ForecastModel::LastValue, pb::ForecastModel::ProfileDeviation, pb::ForecastModel::Ridge] {
        let mut line = Vec::new();
        for (minutes, ahead) in [(15, 3), (30, 6), (45, 9), (60, 12)] {
            let score = answer.scores.iter().find(|s| s.model() == model && s.horizon_minutes == minutes).unwrap();
            let (rmse, mae) = (score.root_mean_squared_error_kmh / MILE, score.mean_absolute_error_kmh / MILE);
            let naive = persistence(data, ahead);
            line.push(format!("{rmse:.3}/{mae:.3}"));
            if model == pb::ForecastModel::LastValue {
                // Speeds are kept in whole metres an hour.
                assert!((rmse - naive.0).abs() < 1e-3 && (mae - naive.1).abs() < 1e-3, "{score:?} {naive:?}");
            } else {
                assert!(rmse < naive.0 && mae < naive.1, "{score:?} is not better than {naive:?}");
            }
        }
        println!("{:<36} {}", model.as_str_name(), line.join("  "));
    }
}

/// The values of Los-loop as they are kept, and ways to send them.
struct Table {
    text: String,
    ids: Vec<String>,
    /// Metres an hour, by row and detector.
    rows: Vec<Vec<i64>>,
}

impl Table {
    fn of(data: &LosLoop) -> Self {
        let text = std::fs::read_to_string(file("los-loop/los_speed_train.csv").unwrap()).unwrap();
        let rows = data.rows.iter().map(|row| row.iter().map(|mph| metres_an_hour(*mph)).collect()).collect();
        Self { text, ids: data.ids.clone(), rows }
    }

    /// How many values so many rows hold.
    fn count(&self, rows: usize) -> u32 {
        u32::try_from(rows * self.ids.len()).unwrap()
    }

    /// These rows as a file.
    fn request(&self, rows: Range<usize>) -> pb::ImportReadingsRequest {
        let mut lines = self.text.lines();
        let header = lines.next().unwrap();
        let chosen: Vec<&str> = lines.skip(rows.start).take(rows.len()).collect();
        pb::ImportReadingsRequest {
            content: format!("{header}\n{}\n", chosen.join("\n")).into(),
            measure: pb::Measure::SpeedMph.into(),
            start_time: at(START + i64::try_from(rows.start).unwrap() * 300),
            expected_rows: u32::try_from(rows.len()).unwrap(),
            ..Default::default()
        }
    }

    /// Every aggregate of each `step`th detector.
    async fn check(&self, stage: &Stage, step: usize) {
        for (column, id) in self.ids.iter().enumerate().step_by(step) {
            let values = (0..).zip(&self.rows).map(|(row, values)| (START + row * 300, values[column]));
            check(stage, id, &values.collect::<Vec<_>>(), |aggregate| &aggregate.speed_kmh).await;
        }
    }

    /// Sends everything in an order of its own, as columns: 7,919 and the number of values have no common divisor. How
    /// many were known.
    async fn send_shuffled(&self, stage: &Stage) -> u32 {
        let count = self.rows.len() * self.ids.len();
        let order: Vec<usize> = (0..count).map(|n| n * 7_919 % count).collect();
        let place = |n: &usize| (n / self.ids.len(), n % self.ids.len());
        let mut duplicates = 0;
        for chunk in order.chunks(50_000) {
            let columns = pb::IngestReadingColumnsRequest {
                detector_ids: self.ids.clone(),
                detector_indexes: chunk.iter().map(|n| u32::try_from(place(n).1).unwrap()).collect(),
                unix_seconds: chunk.iter().map(|n| START + i64::try_from(place(n).0).unwrap() * 300).collect(),
                speeds_kmh: chunk.iter().map(|n| kmh(self.rows[place(n).0][place(n).1])).collect(),
                ..Default::default()
            };
            let answer = stage.readings().ingest_reading_columns(columns).await.unwrap().into_inner();
            assert_eq!((answer.accepted_count, answer.corrected_count, answer.rejected_count), (0, 0, 0));
            duplicates += answer.duplicate_count;
        }
        duplicates
    }
}

#[expect(clippy::cast_precision_loss, reason = "speeds are small")]
fn kmh(metres_an_hour: i64) -> f32 {
    metres_an_hour as f32 / 1_000.0
}

async fn nab_series_are_imported_and_every_aggregate_is_right(stage: &Stage) {
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
        let report = import(stage, request.clone()).await;
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
        check(stage, name, &series, of).await;
        if lines == series.len() {
            let again = import(stage, request).await;
            assert_eq!((again.accepted_count, again.corrected_count), (0, 0), "{name}");
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "values are small")]
fn thousandths(value: f64) -> i64 {
    (value * 1_000.0).round() as i64
}
