//! Sends readings to a platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kvartal_e2e::{Platform, User};
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use kvartal_proto::traffic::v1::{
    BatchPutDetectorsRequest, IngestReadingColumnsRequest, IngestReadingsRequest, NewDetector, NewReading,
};
use tonic::transport::Channel;

use super::line;
use crate::drive::{connect, cpu};

/// Callers at once.
const CALLERS: usize = 8;
/// Readings in a call of rows and of columns.
const ROWS: usize = 5_000;
const COLUMNS: usize = 50_000;
/// 2020-01-01T00:00:00Z.
const START: i64 = 1_577_836_800;

/// A kind of load.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Columns, or a message for each reading.
    pub(super) columns: bool,
    /// Judge only.
    pub(super) validate_only: bool,
    /// How many minutes of a detector come together.
    pub(super) minutes: usize,
}

/// Detectors that report.
pub(super) struct Feed {
    pid: u32,
    admin: User,
    channels: Vec<Channel>,
    ids: Arc<Vec<String>>,
    /// The next minutes that nobody has sent.
    next: Arc<AtomicI64>,
}

impl Feed {
    pub(super) async fn new(platform: &Platform, detectors: usize) -> Self {
        let admin = platform.admin().await;
        let ids: Vec<String> = (0..detectors).map(|n| format!("bench-{n:05}")).collect();
        let mut client = DetectorServiceClient::new(platform.channel());
        for chunk in ids.chunks(2_000) {
            let new =
                |id: &String| NewDetector { detector_id: id.clone(), period_seconds: 60, ..NewDetector::default() };
            let request = BatchPutDetectorsRequest { detectors: chunk.iter().map(new).collect() };
            client.batch_put_detectors(admin.request(request)).await.expect("added");
        }
        let channels = connect(&platform.url());
        Self { pid: platform.pid(), admin, channels, ids: Arc::new(ids), next: Arc::new(AtomicI64::new(0)) }
    }

    /// Sends so many readings and prints what they cost.
    pub(super) async fn measure(&mut self, engine: &str, kind: Kind, readings: usize, postgres: Option<&str>) {
        // Whole hours of all detectors: no reading of one kind of load meets one of another.
        let hour = self.ids.len() as i64 * 60;
        let begin = self.next.load(Ordering::Relaxed);
        self.next.store((begin + hour - 1) / hour * hour, Ordering::Relaxed);
        self.send(kind, readings / 10).await;
        let used = || cpu(self.pid) + postgres.map_or(Duration::ZERO, cpu_of_folder);
        let (before, started) = (used(), Instant::now());
        let sent = self.send(kind, readings).await;
        let (used, wall) = (used().saturating_sub(before), started.elapsed());
        let what = if kind.columns { "columns" } else { "rows" };
        let fate = if kind.validate_only { "validated only".to_owned() } else { format!("durable, {engine}") };
        line(&format!("{what}, {} min of each detector together, {fate}", kind.minutes), sent, used, wall);
    }

    /// Sends at least so many readings; how many it sent.
    pub(super) async fn send(&self, kind: Kind, readings: usize) -> usize {
        let (started, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let workers = (0..CALLERS).map(|caller| {
            let channel = self.channels[caller % self.channels.len()].clone();
            let (admin, ids, next) = (self.admin.clone(), self.ids.clone(), self.next.clone());
            let (started, sent) = (started.clone(), sent.clone());
            tokio::spawn(async move {
                let size = if kind.columns { COLUMNS } else { ROWS };
                while started.fetch_add(size, Ordering::Relaxed) < readings {
                    let first = next.fetch_add(size as i64, Ordering::Relaxed);
                    sent.fetch_add(call(&channel, &admin, &ids, kind, first, size).await, Ordering::Relaxed);
                }
            })
        });
        futures::future::join_all(workers).await.into_iter().for_each(|done| done.expect("the load runs"));
        sent.load(Ordering::Relaxed)
    }
}

/// Detector and second of the n-th reading: all detectors report `minutes` at once, then the next as many.
fn place(n: i64, detectors: i64, minutes: i64) -> (usize, i64) {
    let (block, within) = (n / (detectors * minutes), n % (detectors * minutes));
    ((within / minutes) as usize, START + (block * minutes + within % minutes) * 60)
}

async fn call(channel: &Channel, admin: &User, ids: &[String], kind: Kind, first: i64, size: usize) -> usize {
    let each = || (first..first + size as i64).map(|n| (n, place(n, ids.len() as i64, kind.minutes as i64)));
    let mut client = ReadingServiceClient::new(channel.clone());
    let (accepted, refused) = if kind.columns {
        let request = IngestReadingColumnsRequest {
            detector_ids: ids.to_vec(),
            detector_indexes: each().map(|(_, (detector, _))| detector as u32).collect(),
            unix_seconds: each().map(|(_, (_, second))| second).collect(),
            speeds_kmh: each().map(|(n, _)| (n % 900) as f32 / 10.0).collect(),
            occupancies_percent: each().map(|(n, _)| (n % 400) as f32 / 10.0).collect(),
            vehicle_counts: each().map(|(n, _)| (n % 30) as i32).collect(),
            validate_only: kind.validate_only,
            ..IngestReadingColumnsRequest::default()
        };
        let answer = client.ingest_reading_columns(admin.request(request)).await.expect("taken").into_inner();
        (answer.accepted_count, answer.rejected_count)
    } else {
        let new = |(n, (detector, seconds)): (i64, (usize, i64))| NewReading {
            detector_id: ids[detector].clone(),
            time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            speed_kmh: Some((n % 900) as f64 / 10.0),
            occupancy_percent: Some((n % 400) as f64 / 10.0),
            vehicle_count: Some((n % 30) as i32),
            travel_time_seconds: None,
        };
        let request = IngestReadingsRequest { readings: each().map(new).collect(), validate_only: kind.validate_only };
        let answer = client.ingest_readings(admin.request(request)).await.expect("taken").into_inner();
        (answer.accepted_count, answer.rejected_count)
    };
    assert!(refused == 0 && accepted as usize == size, "{accepted} of {size} are new, {refused} refused");
    size
}

/// CPU time of the processes that work in a folder: those of a PostgreSQL server.
pub(super) fn cpu_of_folder(folder: &str) -> Duration {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let works_there =
        |pid: &u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == std::path::Path::new(folder));
    pids.filter(works_there).map(cpu).sum()
}
