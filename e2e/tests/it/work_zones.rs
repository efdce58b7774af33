//! Real work-zone feeds go in as incidents and come out as a feed that its schema accepts.
//!
//! The feeds stand in the folder named by KVARTAL_DATA, or in ../shared/data beside the project. Where there is none,
//! these tests say so and do nothing: the ordinary run does not need them.

use std::fs;
use std::path::PathBuf;

use http_body_util::BodyExt as _;
use kvartal_e2e::{Adapter, Options, Platform, User};
use kvartal_kernel::Role;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::{ImportWorkZonesRequest, ImportWorkZonesResponse, ListIncidentsRequest};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn data() -> Option<PathBuf> {
    let data = kvartal_testing::real_data().map(|data| data.join("wzdx"));
    if data.is_none() {
        eprintln!("not run: there is no real data (set KVARTAL_DATA)");
    }
    data
}

/// The work-zone feeds, by name; those of devices are not among them.
fn feeds(data: &std::path::Path) -> Vec<(String, Value)> {
    let mut feeds: Vec<_> = fs::read_dir(data.join("examples"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let feed: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), feed)
        })
        .filter(|(_, feed)| feed["features"][0]["properties"]["core_details"]["event_type"].is_string())
        .collect();
    feeds.sort_by(|a, b| a.0.cmp(&b.0));
    feeds
}

async fn import(platform: &Platform, by: &User, source: &str, feed: &str) -> Result<ImportWorkZonesResponse, Status> {
    let request =
        ImportWorkZonesRequest { source: source.to_owned(), content: feed.to_owned().into(), validate_only: false };
    let answer = IncidentServiceClient::new(platform.channel()).import_work_zones(by.request(request)).await?;
    Ok(answer.into_inner())
}

async fn incidents(platform: &Platform) -> Vec<kvartal_proto::incident::v1::Incident> {
    let request = ListIncidentsRequest { page_size: 200, ..ListIncidentsRequest::default() };
    IncidentServiceClient::new(platform.channel()).list_incidents(request).await.unwrap().into_inner().incidents
}

async fn exported(platform: &Platform) -> Value {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = http::Request::get(format!("{}/wzdx/v4.2/work-zones.geojson", platform.url()))
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// The schemas refer to each other and to those of GeoJSON, which are not in the folder: the two that are used are
/// written down here from RFC 7946.
fn validator(data: &std::path::Path) -> jsonschema::Validator {
    let read =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(data.join("schemas").join(name)).unwrap()).unwrap() };
    let position = serde_json::json!({"type": "array", "minItems": 2, "items": {"type": "number"}});
    let geometry = |kind: &str, least: u32| {
        serde_json::json!({
            "type": "object", "required": ["type", "coordinates"],
            "properties": {
                "type": {"enum": [kind]},
                "coordinates": {"type": "array", "minItems": least, "items": position}
            }
        })
    };
    let base = "https://raw.githubusercontent.com/usdot-jpo-ode/wzdx/main/schemas/4.2/";
    let mut registry = jsonschema::Registry::new();
    for name in ["BoundingBox.json", "Direction.json", "FeedInfo.json", "RoadEventFeature.json"] {
        registry = registry.add(format!("{base}{name}"), read(name)).unwrap();
    }
    let registry = registry
        .add("https://geojson.org/schema/LineString.json", geometry("LineString", 2))
        .unwrap()
        .add("https://geojson.org/schema/MultiPoint.json", geometry("MultiPoint", 1))
        .unwrap()
        .prepare()
        .unwrap();
    jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&read("WorkZoneFeed.json"))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_feed_comes_in_once_and_goes_out_as_its_schema_wants() {
    let Some(data) = data() else { return };
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let dispatcher = platform.user(&admin, &[Role::Dispatcher]).await;
    let feeds = feeds(&data);
    let mut count = 0;
    for (name, feed) in &feeds {
        let features = feed["features"].as_array().unwrap().len();
        let answer = import(&platform, &dispatcher, name, &feed.to_string()).await.unwrap();
        assert_eq!(answer.created_count as usize, features, "{name}: {answer:?}");
        count += features;
    }
    let before = incidents(&platform).await;
    assert_eq!((before.len(), feeds.len()), (count, 6));

    for (name, feed) in &feeds {
        let answer = import(&platform, &dispatcher, name, &feed.to_string()).await.unwrap();
        let features = feed["features"].as_array().unwrap().len();
        assert_eq!((answer.created_count, answer.updated_count, answer.closed_count), (0, 0, 0), "{name}");
        assert_eq!(answer.unchanged_count as usize, features, "{name}");
    }
    assert_eq!(incidents(&platform).await, before, "importing again changes nothing");

    let out = exported(&platform).await;
    let problems: Vec<_> =
        validator(&data).iter_errors(&out).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(out["features"].as_array().unwrap().len(), count, "every imported road event is exported");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_feed_is_refused_with_place_and_reason_and_nothing_is_half_applied() {
    let Some(data) = data() else { return };
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let dispatcher = platform.user(&admin, &[Role::Dispatcher]).await;
    let (name, good) = feeds(&data).into_iter().find(|(name, _)| name.contains("scenario1_simple_line")).unwrap();
    let text = good.to_string();
    type Damage = fn(&mut Value);
    let damages: [(&str, Damage); 9] = [
        ("/features/3/properties/start_date", |feed| {
            feed["features"][3]["properties"]["start_date"] = "yesterday".into()
        }),
        ("/features/4/id", |feed| feed["features"][4]["id"] = feed["features"][0]["id"].clone()),
        ("/features/1/geometry/coordinates/0", |feed| {
            feed["features"][1]["geometry"]["coordinates"][0] = serde_json::json!([41.6, -93.7]);
        }),
        ("/features/2/geometry/type", |feed| feed["features"][2]["geometry"]["type"] = "Polygon".into()),
        ("/features/0/properties/vehicle_impact", |feed| {
            feed["features"][0]["properties"]["vehicle_impact"] = "some".into()
        }),
        ("/features/0/properties/core_details/direction", |feed| {
            feed["features"][0]["properties"]["core_details"]["direction"] = "up".into();
        }),
        ("/features/0/properties/core_details/road_names", |feed| {
            feed["features"][0]["properties"]["core_details"]["road_names"] = serde_json::json!([]);
        }),
        ("/feed_info/data_sources", |feed| feed["feed_info"]["data_sources"] = Value::Null),
        ("/type", |feed| feed["type"] = "Feature".into()),
    ];
    for (place, damage) in damages {
        let mut feed = good.clone();
        damage(&mut feed);
        let refused = import(&platform, &dispatcher, &name, &feed.to_string()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{place}");
        let details = refused.get_error_details();
        let places: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str()).collect();
        assert!(places.contains(&place), "{place} not among {places:?}");
    }
    for cut in [1, text.len() / 2, text.len() - 1] {
        let refused = import(&platform, &dispatcher, &name, &text[..cut]).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("line") || refused.message().contains("content"), "{}", refused.message());
    }
    assert!(incidents(&platform).await.is_empty(), "nothing was applied");
}
