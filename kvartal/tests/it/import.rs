//! `kvartal import wzdx` against a running platform.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::platform::{ADMIN, PASSWORD, Platform, kvartal};

/// A small feed with one road event.
fn feed(id: &str) -> Value {
    json!({
        "feed_info": {
            "update_date": "2026-11-01T12:00:00Z", "publisher": "Test city", "version": "4.2",
            "data_sources": [{"data_source_id": "1", "organization_name": "Test city"}]
        },
        "type": "FeatureCollection",
        "features": [{
            "id": id, "type": "Feature",
            "properties": {
                "core_details": {
                    "data_source_id": "1", "event_type": "work-zone", "road_names": ["Ring road"],
                    "direction": "northbound", "description": "Resurfacing"
                },
                "start_date": "2026-11-01T06:00:00Z", "end_date": "2026-12-01T18:00:00Z",
                "is_start_date_verified": false, "is_end_date_verified": false,
                "is_start_position_verified": false, "is_end_position_verified": false,
                "location_method": "channel-device-method", "vehicle_impact": "some-lanes-closed"
            },
            "geometry": {"type": "LineString", "coordinates": [[54.30, 62.85], [54.31, 62.86]]}
        }]
    })
}

fn device_feed() -> Value {
    json!({
        "feed_info": {"update_date": "2026-11-01T12:00:00Z", "publisher": "Vendor", "version": "4.2", "data_sources": []},
        "type": "FeatureCollection",
        "features": [{
            "id": "1", "type": "Feature",
            "properties": {"core_details": {"device_type": "arrow-board", "data_source_id": "1"}},
            "geometry": {"type": "Point", "coordinates": [54.30, 62.85]}
        }]
    })
}

async fn import(platform: &Platform, folder: &Path, more: &[&str]) -> Output {
    let mut command = kvartal(&["import", "wzdx", "--server", &platform.url(), "--user", ADMIN, "--password-file"]);
    command.arg(folder.join("password")).arg("--json").args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn files(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    report["files"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_imported_devices_left_out_and_errors_told_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::with_admin(folder.path()).await;
    let feeds = folder.path().join("feeds");
    std::fs::create_dir(&feeds).unwrap();
    std::fs::write(feeds.join("a-good.geojson"), feed("one").to_string()).unwrap();
    std::fs::write(feeds.join("b-devices.json"), device_feed().to_string()).unwrap();
    std::fs::write(feeds.join("notes.txt"), "not a feed").unwrap();
    let feeds = feeds.to_str().unwrap().to_owned();

    let tried = import(&platform, folder.path(), &[&feeds, "--dry-run"]).await;
    assert!(tried.status.success(), "{tried:?}");
    let done = import(&platform, folder.path(), &[&feeds]).await;
    assert!(done.status.success(), "{done:?}");
    let report = files(&done);
    assert_eq!(report.len(), 2);
    assert_eq!(report[0]["outcome"], "imported");
    assert_eq!(report[0]["created"], 1, "the dry run changed nothing: {}", report[0]);
    assert_eq!(report[1]["outcome"], "device feed");
    let again = files(&import(&platform, folder.path(), &[&feeds]).await);
    assert_eq!(again[0]["unchanged"], 1, "{}", again[0]);

    let mut wrong = feed("two");
    wrong["features"][0]["geometry"]["coordinates"] = json!([[54.3, 162.85]]);
    let (bad, broken) = (folder.path().join("bad.json"), folder.path().join("broken.json"));
    std::fs::write(&bad, wrong.to_string()).unwrap();
    std::fs::write(&broken, "{").unwrap();
    let refused = import(&platform, folder.path(), &[bad.to_str().unwrap(), broken.to_str().unwrap()]).await;
    assert_eq!(refused.status.code(), Some(1));
    let report = files(&refused);
    assert_eq!(report[0]["outcome"], "refused");
    let places: Vec<&str> =
        report[0]["errors"].as_array().unwrap().iter().map(|error| error["place"].as_str().unwrap()).collect();
    assert!(places.iter().any(|place| place.contains("geometry")), "{places:?}");
    assert!(report[1]["errors"][0]["place"].as_str().unwrap().starts_with("line 1"));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_wrong_address_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::with_admin(folder.path()).await;
    let file = folder.path().join("feed.json");
    std::fs::write(&file, feed("one").to_string()).unwrap();
    assert_ne!(PASSWORD, "wrong");
    std::fs::write(folder.path().join("password"), "wrong").unwrap();
    let refused = import(&platform, folder.path(), &[file.to_str().unwrap()]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot sign in"), "{refused:?}");
    platform.stop().await;

    let mut command = kvartal(&["import", "wzdx", file.to_str().unwrap(), "--server", "http://127.0.0.1:1"]);
    command.args(["--token-file", file.to_str().unwrap()]);
    let lost = command.output().unwrap();
    assert!(String::from_utf8_lossy(&lost.stderr).contains("nobody answers at http://127.0.0.1:1"), "{lost:?}");
}
