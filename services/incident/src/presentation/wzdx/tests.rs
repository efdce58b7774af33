//! Feeds that are good, and what is said of those that are not.

use serde_json::{Value, json};

use super::read;
use crate::domain::incident::IncidentKind;
use crate::domain::place::{Direction, LaneState};

fn feed() -> Value {
    json!({
        "type": "FeatureCollection",
        "feed_info": {
            "publisher": "Test", "version": "4.2", "update_date": "2026-01-01T00:00:00Z",
            "data_sources": [{"data_source_id": "1", "organization_name": "Test"}]
        },
        "features": [{
            "id": "a", "type": "Feature",
            "properties": {
                "core_details": {
                    "event_type": "work-zone", "data_source_id": "1", "road_names": ["M-1"], "direction": "northbound"
                },
                "start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-02T00:00:00Z",
                "is_start_date_verified": true, "end_date_accuracy": "estimated",
                "beginning_accuracy": "verified", "is_end_position_verified": false,
                "vehicle_impact": "some-lanes-closed", "location_method": "unknown",
                "lanes": [
                    {"order": 2, "status": "closed", "type": "general"},
                    {"order": 1, "status": "open", "type": "shoulder"}
                ]
            },
            "geometry": {"type": "LineString", "coordinates": [[37.0, 55.0], [37.1, 55.1, 200.0]]}
        }]
    })
}

fn problems(feed: &Value) -> Vec<String> {
    let error = read(feed.to_string().as_bytes()).unwrap_err();
    error.field_violations().iter().map(|v| format!("{} {}", v.field, v.description)).collect()
}

#[test]
fn a_good_feed_is_read() {
    let read = read(feed().to_string().as_bytes()).unwrap();
    let event = &read.events[0];
    assert_eq!((event.id.as_str(), event.kind, event.title.as_str()), ("a", IncidentKind::Roadwork, "Road works: M-1"));
    assert_eq!(event.place.direction, Some(Direction::Northbound));
    assert_eq!(event.place.points.len(), 2);
    assert_eq!(event.lanes, [Some(LaneState::Free), Some(LaneState::Blocked)], "in their order");
    assert!(read.warnings.is_empty());
}

#[test]
fn every_error_is_named_with_its_place_at_once() {
    let mut feed = feed();
    feed["features"][0]["properties"]["start_date"] = json!("2026-01-01");
    feed["features"][0]["properties"]["vehicle_impact"] = json!("none");
    feed["features"][0]["properties"]["lanes"][1]["order"] = json!(0);
    feed["features"][0]["geometry"]["coordinates"][1] = json!([55.0, 137.0]);
    feed["feed_info"]["publisher"] = json!(7);
    let problems = problems(&feed);
    for place in [
        "/feed_info/publisher must be text",
        "/features/0/geometry/coordinates/1 must be [longitude, latitude]",
        "/features/0/properties/start_date must be a date",
        "/features/0/properties/vehicle_impact \"none\" is not one of",
        "/features/0/properties/lanes/1/order must be a whole number",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(place)), "{place} not in {problems:#?}");
    }
}

#[test]
fn a_device_feed_is_told_from_a_work_zone_feed() {
    let mut feed = feed();
    feed["features"][0]["properties"]["core_details"] = json!({"device_type": "camera"});
    assert!(problems(&feed)[0].contains("this is a device feed"));
}

#[test]
fn what_is_unlikely_is_warned_of() {
    let mut feed = feed();
    feed["features"][0]["properties"]["core_details"]["data_source_id"] = json!("2");
    feed["features"][0]["properties"]["event_status"] = json!("completed");
    let read = read(feed.to_string().as_bytes()).unwrap();
    let paths: Vec<_> = read.warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(paths, ["/features/0/properties/core_details/data_source_id", "/features/0/properties/event_status"]);
    assert!(read.events.is_empty(), "what is over is not imported");
}

#[test]
fn bytes_that_are_no_text_and_text_that_is_no_json_are_refused_with_their_place() {
    let problem = |bytes: &[u8]| read(bytes).unwrap_err().message().to_owned();
    assert!(problem(b"{\"type\": \"\xff\"}").contains("not UTF-8 at byte 10"));
    assert!(problem(b"{\n  \"type\": }").contains("line 2, column"));
    assert!(problem(b"[]").contains("must be an object"));
    let deep = "[".repeat(100_000);
    assert!(problem(deep.as_bytes()).contains("not JSON"));
}
