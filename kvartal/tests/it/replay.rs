//! `kvartal import readings --replay` against a running platform: a file is told as if it were measured now.

use std::path::Path;
use std::process::Output;

use kvartal_kernel::{Clock as _, SystemClock, Timestamp};
use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use tonic::transport::Channel;

use crate::platform::{ADMIN, PASSWORD, Platform, by, kvartal};

async fn import(platform: &Platform, folder: &Path, more: &[&str]) -> Output {
    let mut command = kvartal(&["import", "readings", "--server", &platform.url(), "--user", ADMIN, "--password-file"]);
    command.arg(folder.join("password")).args(["--measure", "speed-kmh", "--start", "2012-03-01T00:00:00Z"]).args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Speeds that a detector told, in their order, and that all of them are of now.
async fn told(channel: &Channel, admin: &str, detector: &str) -> Vec<f64> {
    let now = SystemClock.now().seconds();
    let at = |seconds: i64| Some(to_proto(Timestamp(seconds * 1_000_000)));
    let request = pb::ListReadingsRequest {
        detector_id: detector.to_owned(),
        start_time: at(now - 120),
        end_time: at(now + 10),
        ..Default::default()
    };
    let answer = ReadingServiceClient::new(channel.clone()).list_readings(by(admin, request)).await.unwrap();
    answer.into_inner().measurements.into_iter().filter_map(|measured| measured.speed_kmh).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_told_as_if_it_were_measured_now() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::with_admin(folder.path()).await;
    let admin = platform.sign_in(ADMIN, PASSWORD).await;
    let channel = platform.channel().await;
    let file = folder.path().join("week.csv");
    std::fs::write(&file, "a,b\n100,50\n80,50\n60,50\n").unwrap();
    let file = file.to_str().unwrap();

    // Nobody knows the detectors.
    let refused = import(&platform, folder.path(), &[file, "--replay", "--speed", "300"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nobody added this detector"), "{refused:?}");
    let hasty = import(&platform, folder.path(), &[file, "--replay", "--speed", "301"]).await;
    assert!(String::from_utf8_lossy(&hasty.stderr).contains("at most 300"), "{hasty:?}");
    let nowhere = import(&platform, folder.path(), &[file, "--replay", "--onto-map"]).await;
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("needs detectors on segments"), "{nowhere:?}");

    let point = |longitude| pb::LatLng { latitude: 55.75, longitude };
    let segment = |id: &str, limit: f64| pb::NewSegment {
        segment_id: id.to_owned(),
        geometry: vec![point(37.60), point(37.61)],
        road_class: pb::RoadClass::Primary.into(),
        speed_limit_kmh: limit,
        lanes: 2,
        ..Default::default()
    };
    let segments = pb::BatchPutSegmentsRequest { segments: vec![segment("fast", 100.0), segment("slow", 30.0)] };
    NetworkServiceClient::new(channel.clone()).batch_put_segments(by(&admin, segments)).await.unwrap();
    let detector = |id: &str, segment: &str| pb::NewDetector {
        detector_id: id.to_owned(),
        segment_id: segment.to_owned(),
        ..Default::default()
    };
    let detectors =
        vec![detector("a", ""), detector("b", ""), detector("on-fast", "fast"), detector("on-slow", "slow")];
    let detectors = pb::BatchPutDetectorsRequest { detectors };
    DetectorServiceClient::new(channel.clone()).batch_put_detectors(by(&admin, detectors)).await.unwrap();

    // Three moments in three seconds.
    let done = import(&platform, folder.path(), &[file, "--replay", "--speed", "300"]).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(told(&channel, &admin, "a").await, [100.0, 80.0, 60.0]);
    assert_eq!(told(&channel, &admin, "b").await, [50.0; 3]);

    // The map's own detectors tell them, as fast as it is driven there: what 85 % lie below is what is allowed.
    let done = import(&platform, folder.path(), &[file, "--replay", "--speed", "300", "--onto-map"]).await;
    assert!(done.status.success(), "{done:?}");
    let fast = told(&channel, &admin, "on-fast").await;
    assert_eq!(fast.len(), 3);
    let usual = 80.0 + 0.7 * 20.0;
    let wrong = fast.iter().zip([100.0, 80.0, 60.0]).filter(|(told, was)| (*told - was * 100.0 / usual).abs() > 0.01);
    assert_eq!(wrong.count(), 0, "{fast:?}");
    assert_eq!(told(&channel, &admin, "on-slow").await, [30.0; 3]);
    assert_eq!(told(&channel, &admin, "a").await.len(), 3, "those of the file say nothing");
    platform.stop().await;
}
