//! Roll-ups are what a computation from all readings gives, in any order of arrival; retention takes what is old.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::ManualClock;
use kvartal_proto::traffic::v1 as pb;
use kvartal_traffic::Config;

use crate::readings::{ingest, list};
use crate::stage::{NOW, Stage, at, on_both, speed};

on_both!(aggregates_equal_a_computation_from_all_readings);

pub(crate) const INTERVALS: [(pb::Interval, i64); 3] =
    [(pb::Interval::FiveMinutes, 300), (pb::Interval::FifteenMinutes, 900), (pb::Interval::Hour, 3_600)];

/// Every page of aggregates.
pub(crate) async fn aggregates(
    stage: &Stage,
    detector: &str,
    interval: pb::Interval,
    start: i64,
    end: i64,
) -> Vec<pb::Aggregate> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListAggregatesRequest {
            detector_id: detector.to_owned(),
            interval: interval.into(),
            start_time: at(start),
            end_time: at(end),
            page_size: 1_000,
            page_token,
        };
        let page = stage.readings().list_aggregates(request).await.unwrap().into_inner();
        found.extend(page.aggregates);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

/// A source of numbers that is the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

async fn aggregates_equal_a_computation_from_all_readings(stage: Stage) {
    stage.add(&["d1"]).await;
    let start = NOW.seconds() - 6 * 3_600;
    let mut numbers = Numbers(20_261_126);
    for _ in 0..30 {
        // Times come twice and out of order; another value for the same time is a correction.
        let readings = (0..40).map(|_| {
            let time = start + i64::try_from(numbers.next(6 * 60)).unwrap() * 60;
            speed("d1", time, f64::from(u32::try_from(numbers.next(120_000)).unwrap()) / 1_000.0)
        });
        let readings = readings.collect();
        ingest(&stage, readings).await;
    }
    let kept = list(&stage, "d1", start, NOW.seconds()).await;
    for (interval, seconds) in INTERVALS {
        let mut expected: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for reading in &kept {
            let time = reading.time.unwrap().seconds;
            expected.entry(time - time.rem_euclid(seconds)).or_default().push(reading.speed_kmh.unwrap());
        }
        let found = aggregates(&stage, "d1", interval, start, NOW.seconds()).await;
        assert_eq!(found.len(), expected.len());
        for (aggregate, (begin, values)) in found.iter().zip(expected) {
            let stat = aggregate.speed_kmh.as_ref().unwrap();
            let mean = values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap());
            assert_eq!((aggregate.start_time, stat.sample_count as usize), (at(begin), values.len()));
            assert!((stat.mean - mean).abs() < 1e-9, "{stat:?} {mean}");
            assert_eq!(stat.min, values.iter().copied().fold(f64::MAX, f64::min));
            assert_eq!(stat.max, values.iter().copied().fold(f64::MIN, f64::max));
        }
    }
}

/// On PostgreSQL: a file of SQLite belongs to one process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_see_what_others_took_in_and_correct_it() {
    let stage = Stage::on_postgres().await;
    stage.add(&["d1"]).await;
    let (other, start) = (stage.replica().await, NOW.seconds() - 3_600);
    let calls = (0..10).map(|n| {
        let by = if n % 2 == 0 { &stage } else { &other };
        ingest(by, (0..60).map(|minute| speed("d1", start + minute * 60 + n, 30.0)).collect())
    });
    let accepted: u32 = futures::future::join_all(calls).await.iter().map(|answer| answer.accepted_count).sum();
    assert_eq!(accepted, 600);
    assert_eq!(ingest(&other, vec![speed("d1", start, 90.0)]).await.corrected_count, 1);
    let hour = aggregates(&stage, "d1", pb::Interval::Hour, start, NOW.seconds()).await;
    let stat = hour[0].speed_kmh.as_ref().unwrap();
    assert_eq!((stat.sample_count, stat.max, stat.mean), (600, 90.0, 30.1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_removed_by_class_on_sqlite() {
    what_is_old_is_removed_by_class(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_removed_by_class_on_postgres() {
    what_is_old_is_removed_by_class(Some(Arc::new(kvartal_testing::postgres().await))).await;
}

async fn what_is_old_is_removed_by_class(postgres: Option<Arc<kvartal_testing::Postgres>>) {
    let config = Config { traffic_readings_days: 10, traffic_rollups_days: 20, ..Config::default() };
    let clock = Arc::new(ManualClock::at(NOW));
    let stage = Stage::open(postgres, clock.clone(), config).await;
    stage.add(&["d1"]).await;
    let start = NOW.seconds() - 9 * 86_400;
    ingest(&stage, (0..60).map(|minute| speed("d1", start + minute * 60, 40.0)).collect()).await;
    let counts = async || {
        let raw = list(&stage, "d1", start, start + 3_600).await.len();
        let mut counts = vec![raw];
        for (interval, _) in INTERVALS {
            counts.push(aggregates(&stage, "d1", interval, start, start + 3_600).await.len());
        }
        counts
    };
    stage.prune(20).await;
    assert_eq!(counts().await, [60, 12, 4, 1]);
    clock.advance(Duration::from_secs(2 * 86_400));
    let late = ingest(&stage, vec![speed("d1", start, 41.0)]).await;
    assert_eq!(late.results[0].reason, "TIME_BEYOND_RETENTION");
    stage.prune(20).await;
    assert_eq!(counts().await, [0, 12, 4, 1], "readings are gone, roll-ups stay");
    clock.advance(Duration::from_secs(10 * 86_400));
    stage.prune(20).await;
    assert_eq!(counts().await, [0, 0, 0, 1], "the hour stays");
    let hour = aggregates(&stage, "d1", pb::Interval::Hour, start, start + 3_600).await;
    assert_eq!((hour[0].reading_count, hour[0].speed_kmh.as_ref().unwrap().mean), (60, 40.0));
    ingest(&stage, vec![speed("d1", NOW.seconds() + 11 * 86_400, 40.0)]).await;
}
