//! Kill the process at random moments while readings come in: what was acknowledged is there, once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kvartal_e2e::{Adapter, Options, Platform, User};
use kvartal_kernel::Role;
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use kvartal_proto::traffic::v1::{
    BatchPutDetectorsRequest, IngestReadingsRequest, Interval, ListAggregatesRequest, ListReadingsRequest, NewDetector,
    NewReading,
};
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Mutex;

/// Kills of an ordinary run; `KVARTAL_TEST_KILLS=100` for the long one.
const KILLS: usize = 25;
const WRITERS: usize = 4;
/// 2026-03-01T00:00:00Z: each reading has a second of its own after it.
const START: i64 = 1_772_323_200;

/// What the writers were promised: speed by detector and second.
type Acknowledged = Arc<Mutex<HashMap<(usize, i64), u32>>>;

fn detector(writer: usize) -> String {
    format!("kill-{writer}")
}

/// Sends readings until told to stop; errors are what a killed server gives, and then the same batch is sent again.
async fn write(user: User, writer: usize, mut next: i64, acknowledged: Acknowledged, stop: Arc<AtomicBool>) -> i64 {
    let mut readings = ReadingServiceClient::new(user.channel());
    while !stop.load(Ordering::Relaxed) {
        let batch: Vec<(i64, u32)> = (next..next + 50).map(|n| (n, u32::try_from(n % 90).unwrap())).collect();
        let new = |(second, kmh): &(i64, u32)| NewReading {
            detector_id: detector(writer),
            time: Some(prost_types::Timestamp { seconds: START + second, nanos: 0 }),
            speed_kmh: Some(f64::from(*kmh)),
            ..NewReading::default()
        };
        let request = IngestReadingsRequest { readings: batch.iter().map(new).collect(), validate_only: false };
        match tokio::time::timeout(Duration::from_secs(5), readings.ingest_readings(user.request(request))).await {
            Ok(Ok(answer)) => {
                let answer = answer.into_inner();
                assert_eq!((answer.rejected_count, answer.corrected_count), (0, 0), "{answer:?}");
                acknowledged.lock().await.extend(batch.into_iter().map(|(n, kmh)| ((writer, n), kmh)));
                next += 50;
            }
            Ok(Err(_)) | Err(_) => tokio::task::yield_now().await,
        }
    }
    next
}

async fn readings_survive_kills(adapter: Adapter) {
    let mut platform = Platform::start(adapter, Options::default()).await;
    let admin = platform.admin().await;
    let email = platform.user(&admin, &[Role::Dispatcher]).await.email().to_owned();
    let new = |writer| NewDetector { detector_id: detector(writer), ..NewDetector::default() };
    let detectors = (0..WRITERS).map(new).collect();
    DetectorServiceClient::new(platform.channel())
        .batch_put_detectors(admin.request(BatchPutDetectorsRequest { detectors }))
        .await
        .unwrap();
    let acknowledged = Acknowledged::default();
    let mut random = rand::rngs::StdRng::seed_from_u64(20_261_126);
    let mut next = [0; WRITERS];
    let kills = kills();
    for kill in 0..kills {
        let user = platform.sign_in(&email).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(user.clone(), writer, next[writer], acknowledged.clone(), stop.clone())))
            .collect();
        // Every second kill comes after something was taken, however slow the machine is; the others at any moment.
        if kill % 2 == 0 {
            let before = acknowledged.lock().await.len();
            let taken = async {
                while acknowledged.lock().await.len() == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), taken).await.expect("readings are taken");
        }
        // Not a synchronisation: the moment of the kill is meant to be random.
        tokio::time::sleep(Duration::from_millis(random.random_range(5..250))).await;
        platform.kill();
        stop.store(true, Ordering::Relaxed);
        for (writer, task) in writers.into_iter().enumerate() {
            next[writer] = task.await.unwrap();
        }
        platform.spawn().await;
        if (kill + 1) % 5 == 0 {
            eprintln!("{adapter:?}: {} of {kills} kills, {} acknowledged", kill + 1, acknowledged.lock().await.len());
        }
    }
    check(&platform, &email, &acknowledged.lock().await.clone()).await;
}

fn kills() -> usize {
    std::env::var("KVARTAL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

async fn check(platform: &Platform, email: &str, acknowledged: &HashMap<(usize, i64), u32>) {
    assert!(acknowledged.len() > 50 * WRITERS, "too little load: {}", acknowledged.len());
    let user = platform.sign_in(email).await;
    let time = |second: i64| Some(prost_types::Timestamp { seconds: START + second, nanos: 0 });
    let (start, end) = (time(0), time(30 * 86_400));
    for writer in 0..WRITERS {
        let mut client = ReadingServiceClient::new(platform.channel());
        let mut found: HashMap<i64, f64> = HashMap::new();
        let mut page_token = String::new();
        loop {
            let request = ListReadingsRequest {
                detector_id: detector(writer),
                start_time: start,
                end_time: end,
                page_size: 20_000,
                page_token,
            };
            let page = client.list_readings(user.request(request)).await.unwrap().into_inner();
            for reading in page.measurements {
                let second = reading.time.unwrap().seconds - START;
                assert_eq!(reading.revision, 0, "nothing was corrected");
                assert_eq!(found.insert(second, reading.speed_kmh.unwrap()), None, "second {second} comes twice");
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        for ((_, second), kmh) in acknowledged.iter().filter(|((by, _), _)| *by == writer) {
            assert_eq!(found.get(second), Some(&f64::from(*kmh)), "second {second} of {writer} is lost");
        }
        // Roll-ups were written with the readings, or not at all.
        let request = ListAggregatesRequest {
            detector_id: detector(writer),
            interval: Interval::Hour.into(),
            start_time: start,
            end_time: end,
            ..ListAggregatesRequest::default()
        };
        let hours = client.list_aggregates(user.request(request)).await.unwrap().into_inner().aggregates;
        let rolled_up: u32 = hours.iter().map(|hour| hour.reading_count).sum();
        assert_eq!(rolled_up as usize, found.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_readings_survive_kills_on_sqlite() {
    readings_survive_kills(Adapter::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_readings_survive_kills_on_postgres() {
    readings_survive_kills(Adapter::Servers).await;
}
