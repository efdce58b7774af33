//! How long questions to a large network take, through the RPC: boxes, page by page, and tiles of the map.

use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_proto::traffic::v1::{
    BatchPutSegmentsRequest, BoundingBox, GetMapTileRequest, LatLng, ListSegmentsRequest, NewSegment, RoadClass,
    SegmentFilter,
};
use rand::{RngExt as _, SeedableRng as _};
use tonic::transport::Channel;

use super::queries::ask;

/// Segments of a call.
const BATCH: usize = 2_000;
/// South-west corner and side of the square that the roads lie in, degrees.
const CORNER: (f64, f64) = (55.5, 37.2);
const SIDE: f64 = 0.6;

/// Prints the median and the 99th percentile of each question.
pub(super) async fn run(segments: usize) {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    build(&platform, segments).await;
    println!("\n| segments | question | median | 99 % |");
    println!("| ---: | --- | ---: | ---: |");
    let channel = platform.channel();
    for (name, side) in
        [("box of 1 km, 200 a page", 0.009), ("box of 10 km, first 200", 0.09), ("everything, first 200", SIDE)]
    {
        ask(segments, name, |n| in_box(channel.clone(), n, side)).await;
    }
    for zoom in [10, 12, 14] {
        ask(segments, &format!("tile of zoom {zoom}"), |n| tile(channel.clone(), n, zoom)).await;
    }
}

/// Short roads of every class all over the square, the same in each run.
async fn build(platform: &Platform, count: usize) {
    let admin = platform.admin().await;
    let mut network = NetworkServiceClient::new(platform.channel()).max_encoding_message_size(16 * 1024 * 1024);
    let mut random = rand::rngs::StdRng::seed_from_u64(20_261_126);
    let classes = [RoadClass::Trunk, RoadClass::Primary, RoadClass::Secondary, RoadClass::Residential];
    for first in (0..count).step_by(BATCH) {
        let mut segment = |n: usize| {
            let mut at = LatLng {
                latitude: CORNER.0 + random.random_range(0.0..SIDE),
                longitude: CORNER.1 + random.random_range(0.0..SIDE),
            };
            let mut geometry = vec![at];
            for _ in 0..3 {
                at.latitude += random.random_range(-0.002..0.002);
                at.longitude += random.random_range(-0.002..0.002);
                geometry.push(at);
            }
            // One road of twenty is important.
            let class = if n.is_multiple_of(20) { classes[n / 20 % 3] } else { classes[3] };
            NewSegment {
                segment_id: format!("road-{n:06}"),
                display_name: format!("Road {n}"),
                geometry,
                road_class: class.into(),
                speed_limit_kmh: 60.0,
                lanes: 2,
                ..NewSegment::default()
            }
        };
        let request =
            BatchPutSegmentsRequest { segments: (first..count.min(first + BATCH)).map(&mut segment).collect() };
        network.batch_put_segments(admin.request(request)).await.expect("roads are added");
    }
}

/// Where the n-th question is asked: all over the square, away from its edges.
fn place(n: usize, side: f64) -> (f64, f64) {
    let share = |step: usize| (n * step % 101) as f64 / 101.0 * (SIDE - side);
    (CORNER.0 + share(37), CORNER.1 + share(59))
}

async fn in_box(channel: Channel, n: usize, side: f64) -> usize {
    let (latitude, longitude) = place(n, side);
    let high = LatLng { latitude: latitude + side, longitude: longitude + side };
    let bounds = BoundingBox { low: Some(LatLng { latitude, longitude }), high: Some(high) };
    let filter = Some(SegmentFilter { bounds: Some(bounds), ..SegmentFilter::default() });
    let request = ListSegmentsRequest { page_size: 200, filter, ..ListSegmentsRequest::default() };
    NetworkServiceClient::new(channel).list_segments(request).await.expect("an answer").into_inner().segments.len()
}

async fn tile(channel: Channel, n: usize, zoom: u32) -> usize {
    let (latitude, longitude) = place(n, 0.05);
    let tiles = f64::from(1_u32 << zoom);
    let sine = latitude.to_radians().sin();
    let row = (0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * std::f64::consts::PI)) * tiles;
    let request = GetMapTileRequest { zoom, column: ((longitude + 180.0) / 360.0 * tiles) as u32, row: row as u32 };
    NetworkServiceClient::new(channel).get_map_tile(request).await.expect("an answer").into_inner().content.len()
}
