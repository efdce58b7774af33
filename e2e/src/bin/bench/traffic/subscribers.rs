//! What subscribers of the live map cost while all of it moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use kvartal_e2e::{Adapter, Options, Platform, User};
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::live_service_client::LiveServiceClient;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use kvartal_proto::traffic::v1::{
    BatchPutDetectorsRequest, BatchPutSegmentsRequest, BoundingBox, IngestReadingColumnsRequest, LatLng, NewDetector,
    NewSegment, RoadClass, WatchTrafficRequest,
};
use prost::Message as _;
use tokio::task::JoinHandle;
use tonic::transport::Endpoint;

use crate::drive::cpu;

/// Segments with a detector each.
const SEGMENTS: usize = 1_000;
/// Streams on a connection.
const STREAMS: usize = 50;
const LASTING: Duration = Duration::from_secs(10);
const STEP: u64 = 300;

/// Prints CPU without subscribers, with some who see a twentieth of the map, and with some who see all of it.
pub(super) async fn run(subscribers: usize) {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let city = City::build(&platform).await;
    city.used(0).await;
    let alone = city.used(0).await;
    println!(
        "\n| {subscribers} subscribers, {SEGMENTS} segments that change each second | CPU, cores | messages/s | kB each | CPU/message |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    println!("| nobody | {:.3} | | | |", alone.as_secs_f64() / LASTING.as_secs_f64());
    for (name, share) in [("who see a twentieth", SEGMENTS / 20), ("who see everything", SEGMENTS)] {
        let watching = Watching::start(&platform, subscribers, share).await;
        // The first message to everybody holds the whole map: it is not what is measured.
        city.used(1).await;
        let before = watching.told();
        let used = city.used(0).await;
        let told = (watching.told().0 - before.0, watching.told().1 - before.1);
        assert!(told.0 >= subscribers * 8, "{} messages to {subscribers} subscribers", told.0);
        let each = used.saturating_sub(alone).as_secs_f64() / told.0 as f64;
        println!(
            "| {name} | {:.3} | {:.0} | {:.1} | {:.1} µs |",
            used.as_secs_f64() / LASTING.as_secs_f64(),
            told.0 as f64 / LASTING.as_secs_f64(),
            told.1 as f64 / told.0 as f64 / 1e3,
            each * 1e6,
        );
    }
}

/// Roads beside each other with a detector each, whose readings of the last step are corrected again and again.
struct City<'a> {
    platform: &'a Platform,
    admin: User,
    ids: Vec<String>,
    seconds: i64,
}

/// Where the n-th road lies.
fn point(n: usize, end: f64) -> LatLng {
    LatLng { latitude: 55.0 + n as f64 * 0.001, longitude: 37.0 + end * 0.01 }
}

impl<'a> City<'a> {
    async fn build(platform: &'a Platform) -> Self {
        let admin = platform.admin().await;
        let segment = |n: usize| NewSegment {
            segment_id: format!("road-{n:04}"),
            display_name: format!("Road {n}"),
            geometry: vec![point(n, 0.0), point(n, 1.0)],
            road_class: RoadClass::Primary.into(),
            speed_limit_kmh: 60.0,
            lanes: 2,
            ..NewSegment::default()
        };
        let request = BatchPutSegmentsRequest { segments: (0..SEGMENTS).map(segment).collect() };
        NetworkServiceClient::new(platform.channel())
            .batch_put_segments(admin.request(request))
            .await
            .expect("roads are added");
        let ids: Vec<String> = (0..SEGMENTS).map(|n| format!("loop-{n:04}")).collect();
        let detector = |(n, id): (usize, &String)| NewDetector {
            detector_id: id.clone(),
            segment_id: format!("road-{n:04}"),
            ..NewDetector::default()
        };
        let request = BatchPutDetectorsRequest { detectors: ids.iter().enumerate().map(detector).collect() };
        DetectorServiceClient::new(platform.channel())
            .batch_put_detectors(admin.request(request))
            .await
            .expect("detectors are added");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        // The last step that is complete.
        let seconds = ((now - 60) / STEP - 1) * STEP;
        Self { platform, admin, ids, seconds: seconds as i64 }
    }

    /// CPU of the platform while the whole map changes once a second.
    async fn used(&self, round: usize) -> Duration {
        let before = cpu(self.platform.pid());
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        let mut client = ReadingServiceClient::new(self.platform.channel());
        for second in 0..LASTING.as_secs() as usize {
            ticks.tick().await;
            let request = IngestReadingColumnsRequest {
                detector_ids: self.ids.clone(),
                detector_indexes: (0..SEGMENTS as u32).collect(),
                unix_seconds: vec![self.seconds; SEGMENTS],
                speeds_kmh: (0..SEGMENTS).map(|n| ((n + second * 7 + round * 3) % 50 + 10) as f32).collect(),
                ..IngestReadingColumnsRequest::default()
            };
            client.ingest_reading_columns(self.admin.request(request)).await.expect("taken");
        }
        ticks.tick().await;
        cpu(self.platform.pid()).saturating_sub(before)
    }
}

/// Streams that are read as fast as they come; they end with this.
struct Watching {
    streams: Vec<JoinHandle<()>>,
    messages: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Watching {
    async fn start(platform: &Platform, subscribers: usize, segments: usize) -> Self {
        let (messages, bytes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let bounds = BoundingBox { low: Some(point(0, -0.1)), high: Some(point(segments - 1, 1.1)) };
        let mut streams = Vec::new();
        while streams.len() < subscribers {
            let channel = Endpoint::from_shared(platform.url()).unwrap().connect().await.expect("connected");
            for _ in 0..STREAMS.min(subscribers - streams.len()) {
                let request = WatchTrafficRequest { bounds: Some(bounds), ..WatchTrafficRequest::default() };
                let answer = LiveServiceClient::new(channel.clone()).watch_traffic(request).await;
                let mut stream = answer.expect("subscribed").into_inner();
                let (messages, bytes) = (messages.clone(), bytes.clone());
                streams.push(tokio::spawn(async move {
                    while let Ok(Some(message)) = stream.message().await {
                        messages.fetch_add(usize::from(!message.segments.is_empty()), Ordering::Relaxed);
                        bytes.fetch_add(message.encoded_len(), Ordering::Relaxed);
                    }
                }));
            }
        }
        Self { streams, messages, bytes }
    }

    /// Messages and bytes so far.
    fn told(&self) -> (usize, usize) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.streams.iter().for_each(JoinHandle::abort);
    }
}
