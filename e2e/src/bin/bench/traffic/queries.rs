//! How long questions take as the data grows, on SQLite, through the RPC.

use std::time::{Duration, Instant};

use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use kvartal_proto::traffic::v1::{Interval, ListAggregatesRequest, ListCityGridRequest, ListReadingsRequest};
use tonic::transport::Channel;

use super::Args;
use super::feed::{Feed, Kind};

/// Detectors: at 10⁷ readings each has a week of minutes.
const DETECTORS: usize = 1_000;
const START: i64 = 1_577_836_800;
const ASKED: usize = 200;
const FEW: usize = 100_000;

/// Prints the median and the 99th percentile of each question at each size.
pub(super) async fn run(args: &Args) {
    println!("\n| readings stored | question | median | 99 % |");
    println!("| ---: | --- | ---: | ---: |");
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let feed = Feed::new(&platform, DETECTORS).await;
    let (mut size, mut stored) = (FEW, 0);
    while size <= args.rows {
        stored += feed.send(Kind { columns: true, validate_only: false, minutes: 50 }, size - stored).await;
        let end = START + (stored / DETECTORS) as i64 * 60;
        let channel = platform.channel();
        ask(stored, "last hour of a detector, readings", |n| {
            readings(channel.clone(), n * 37 % DETECTORS, end - 3_600, end)
        })
        .await;
        ask(stored, "a week of a detector, 5 min", |n| week(channel.clone(), n * 37 % DETECTORS, end)).await;
        ask(stored, "all detectors in 5 min", |_| grid(channel.clone(), end - 600)).await;
        size *= 10;
    }
}

/// Asks again and again, each time about another place, and prints a line.
pub(super) async fn ask<F: Future<Output = usize>>(stored: usize, name: &str, question: impl Fn(usize) -> F) {
    let mut times: Vec<Duration> = Vec::new();
    for n in 0..ASKED {
        let started = Instant::now();
        assert!(question(n).await > 0, "{name} found nothing");
        times.push(started.elapsed());
    }
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!("| {stored} | {name} | {:.2} ms | {:.2} ms |", millis(times[ASKED / 2]), millis(times[ASKED * 99 / 100]));
}

fn time(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

async fn readings(channel: Channel, n: usize, start: i64, end: i64) -> usize {
    let request = ListReadingsRequest {
        detector_id: format!("bench-{n:05}"),
        start_time: time(start),
        end_time: time(end),
        ..ListReadingsRequest::default()
    };
    ReadingServiceClient::new(channel).list_readings(request).await.expect("an answer").into_inner().measurements.len()
}

async fn week(channel: Channel, n: usize, end: i64) -> usize {
    let request = ListAggregatesRequest {
        detector_id: format!("bench-{n:05}"),
        interval: Interval::FiveMinutes.into(),
        start_time: time(end - 7 * 86_400),
        end_time: time(end),
        page_size: 2_100,
        ..ListAggregatesRequest::default()
    };
    ReadingServiceClient::new(channel).list_aggregates(request).await.expect("an answer").into_inner().aggregates.len()
}

async fn grid(channel: Channel, at: i64) -> usize {
    let request = ListCityGridRequest {
        interval: Interval::FiveMinutes.into(),
        time: time(at),
        page_size: 20_000,
        ..ListCityGridRequest::default()
    };
    ReadingServiceClient::new(channel).list_city_grid(request).await.expect("an answer").into_inner().cells.len()
}
