//! Roads and districts: their administration, what lies in a box, and tiles of the map.

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use prost_types::FieldMask;
use tonic::Code;

use crate::stage::{Client, Stage, on_both, reason};

on_both!(
    a_segment_is_changed_by_mask_and_etag,
    many_segments_are_put_together_or_not_at_all,
    a_box_gives_what_touches_it_page_by_page,
    segments_find_their_district_anew,
    a_tile_shows_the_roads_of_its_square,
    wrong_segments_are_refused_by_the_name_of_the_field,
);

fn network(stage: &Stage) -> NetworkServiceClient<Client> {
    NetworkServiceClient::new(stage.client(&stage.admin())).max_encoding_message_size(8 * 1024 * 1024)
}

pub(crate) fn at(latitude: f64, longitude: f64) -> pb::LatLng {
    pb::LatLng { latitude, longitude }
}

/// A road of a kilometre to the east.
pub(crate) fn road(id: &str, latitude: f64, longitude: f64) -> pb::NewSegment {
    pb::NewSegment {
        segment_id: id.to_owned(),
        display_name: format!("Road {id}"),
        corridor: "E1".to_owned(),
        geometry: vec![at(latitude, longitude), at(latitude, longitude + 0.016)],
        road_class: pb::RoadClass::Primary.into(),
        speed_limit_kmh: 60.0,
        lanes: 2,
        ..Default::default()
    }
}

async fn a_segment_is_changed_by_mask_and_etag(stage: Stage) {
    let mut network = network(&stage);
    let create = pb::CreateSegmentRequest { segment: Some(road("s1", 55.7, 37.6)) };
    let created = network.create_segment(create.clone()).await.unwrap().into_inner().segment.unwrap();
    assert!((created.length_m - 1_003.0).abs() < 5.0, "{} m", created.length_m);
    let again = network.create_segment(create).await.unwrap().into_inner().segment.unwrap();
    assert_eq!(again.etag, created.etag, "the same again changes nothing");
    let other = pb::NewSegment { lanes: 3, ..road("s1", 55.7, 37.6) };
    let refused = network.create_segment(pb::CreateSegmentRequest { segment: Some(other) }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "SEGMENT_EXISTS"));

    let change = |path: &str, etag: &str| pb::UpdateSegmentRequest {
        segment_id: "s1".to_owned(),
        speed_limit_kmh: 80.0,
        lanes: 7,
        update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let changed = network.update_segment(change("speed_limit_kmh", &created.etag)).await.unwrap().into_inner();
    let changed = changed.segment.unwrap();
    assert_eq!((changed.speed_limit_kmh, changed.lanes), (80.0, 2), "only what the mask names");
    let repeated = network.update_segment(change("speed_limit_kmh", &created.etag)).await.unwrap().into_inner();
    assert_eq!(repeated.segment.unwrap().etag, changed.etag, "a repeated call finds its own work done");
    assert_eq!(network.update_segment(change("lanes", &created.etag)).await.unwrap_err().code(), Code::Aborted);
    assert_eq!(network.update_segment(change("etag", "")).await.unwrap_err().code(), Code::InvalidArgument);

    let delete = |etag: &str| pb::DeleteSegmentRequest { segment_id: "s1".to_owned(), etag: etag.to_owned() };
    assert_eq!(network.delete_segment(delete(&created.etag)).await.unwrap_err().code(), Code::Aborted);
    network.delete_segment(delete(&changed.etag)).await.unwrap();
    let gone = network.get_segment(pb::GetSegmentRequest { segment_id: "s1".to_owned() }).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "SEGMENT_NOT_FOUND"));
}

async fn many_segments_are_put_together_or_not_at_all(stage: Stage) {
    let mut network = network(&stage);
    let roads = |count: i32| (0..count).map(|n| road(&format!("s{n}"), 55.0 + f64::from(n) * 0.001, 37.0)).collect();
    let put = |segments| pb::BatchPutSegmentsRequest { segments };
    let first = network.batch_put_segments(put(roads(1_000))).await.unwrap().into_inner();
    assert_eq!((first.created_count, first.updated_count, first.unchanged_count), (1_000, 0, 0));
    let mut changed: Vec<pb::NewSegment> = roads(1_001);
    changed[5].lanes = 4;
    let second = network.batch_put_segments(put(changed)).await.unwrap().into_inner();
    assert_eq!((second.created_count, second.updated_count, second.unchanged_count), (1, 1, 999));

    let mut broken: Vec<pb::NewSegment> = vec![road("new", 55.0, 37.0), road("bad", 55.0, 37.0)];
    broken[1].geometry = vec![at(55.0, 37.0), at(55.0, 37.0)];
    let refused = network.batch_put_segments(put(broken)).await.unwrap_err();
    assert!(refused.message().contains("segments[1].geometry"), "{refused:?}");
    let twice = network.batch_put_segments(put(vec![road("new", 55.0, 37.0), road("new", 55.0, 37.0)])).await;
    assert!(twice.unwrap_err().message().contains("segments[1].segment_id"));
    let missing = network.get_segment(pb::GetSegmentRequest { segment_id: "new".to_owned() }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound, "nothing of a refused batch is kept");
}

async fn a_box_gives_what_touches_it_page_by_page(stage: Stage) {
    let mut network = network(&stage);
    let segments = (0..500).map(|n| {
        let class = [pb::RoadClass::Motorway, pb::RoadClass::Tertiary][n % 2];
        let (row, column) = (n / 25, n % 25);
        let place = road(&format!("s{n}"), 55.0 + row as f64 * 0.005, 37.0 + column as f64 * 0.02);
        pb::NewSegment { road_class: class.into(), ..place }
    });
    network.batch_put_segments(pb::BatchPutSegmentsRequest { segments: segments.collect() }).await.unwrap();
    // Rows 2 to 6, and the columns from 3 on whose roads reach into the box.
    let bounds = Some(pb::BoundingBox { low: Some(at(55.009, 37.07)), high: Some(at(55.031, 37.121)) });
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let filter = Some(pb::SegmentFilter { bounds, ..Default::default() });
        let request = pb::ListSegmentsRequest { page_size: 7, page_token, filter };
        let page = network.list_segments(request).await.unwrap().into_inner();
        found.extend(page.segments);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected = (0..500).filter(|n| (2..=6).contains(&(n / 25)) && (3..=6).contains(&(n % 25)));
    let mut names: Vec<String> = found.iter().map(|segment| segment.segment_id.clone()).collect();
    assert!(found.is_sorted_by_key(|segment| segment.road_class), "the most important roads come first");
    names.sort();
    let mut expected: Vec<String> = expected.map(|n| format!("s{n}")).collect();
    expected.sort();
    assert_eq!(names, expected);
    let turned = pb::BoundingBox { low: Some(at(55.1, 37.1)), high: Some(at(55.0, 37.0)) };
    let filter = Some(pb::SegmentFilter { bounds: Some(turned), ..Default::default() });
    let refused = network.list_segments(pb::ListSegmentsRequest { filter, ..Default::default() }).await.unwrap_err();
    assert!(refused.message().contains("filter.bounds"), "{refused:?}");
}

async fn segments_find_their_district_anew(stage: Stage) {
    let mut network = network(&stage);
    network.create_segment(pb::CreateSegmentRequest { segment: Some(road("s1", 55.05, 37.05)) }).await.unwrap();
    let district = |id: &str, west: f64, etag: &str| pb::PutDistrictRequest {
        district_id: id.to_owned(),
        name_ru: "Район".to_owned(),
        name_en: "District".to_owned(),
        boundary: vec![at(55.0, west), at(55.0, west + 0.1), at(55.1, west + 0.1), at(55.1, west)],
        etag: etag.to_owned(),
    };
    let put = network.put_district(district("d1", 37.0, "")).await.unwrap().into_inner().district.unwrap();
    let get = || pb::GetSegmentRequest { segment_id: "s1".to_owned() };
    let of = |segment: pb::GetSegmentResponse| segment.segment.unwrap().district_id;
    assert_eq!(of(network.get_segment(get()).await.unwrap().into_inner()), "d1");
    let moved = network.put_district(district("d1", 38.0, &put.etag)).await.unwrap().into_inner().district.unwrap();
    assert_eq!(of(network.get_segment(get()).await.unwrap().into_inner()), "");
    assert_eq!(network.put_district(district("d1", 37.0, &put.etag)).await.unwrap_err().code(), Code::Aborted);
    let line = pb::PutDistrictRequest {
        boundary: vec![at(55.0, 37.0), at(55.1, 37.1), at(55.2, 37.2)],
        ..district("d2", 37.0, "")
    };
    assert!(network.put_district(line).await.unwrap_err().message().contains("boundary"));
    let delete = pb::DeleteDistrictRequest { district_id: "d1".to_owned(), etag: moved.etag };
    network.delete_district(delete).await.unwrap();
    let left = network.list_districts(pb::ListDistrictsRequest {}).await.unwrap().into_inner().districts;
    assert!(left.is_empty());
}

async fn a_tile_shows_the_roads_of_its_square(stage: Stage) {
    let mut network = network(&stage);
    network.create_segment(pb::CreateSegmentRequest { segment: Some(road("s1", 55.75, 37.61)) }).await.unwrap();
    // The tile of zoom 14 that holds 55.75, 37.615.
    let tile = pb::GetMapTileRequest { zoom: 14, column: 9_903, row: 5_122 };
    let shown = network.get_map_tile(tile).await.unwrap().into_inner();
    assert_eq!(shown.content_type, "application/vnd.mapbox-vector-tile");
    let content = shown.content.to_vec();
    let holds = |text: &str| content.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("segments") && holds("s1") && holds("Road s1"), "{} bytes", content.len());
    let elsewhere = pb::GetMapTileRequest { zoom: 14, column: 1, row: 1 };
    assert!(network.get_map_tile(elsewhere).await.unwrap().into_inner().content.is_empty());
    let impossible = pb::GetMapTileRequest { zoom: 2, column: 4, row: 0 };
    assert!(network.get_map_tile(impossible).await.unwrap_err().message().contains("column"));
}

async fn wrong_segments_are_refused_by_the_name_of_the_field(stage: Stage) {
    let mut network = network(&stage);
    let mut looped = road("s1", 55.0, 37.0);
    looped.next_segment_ids = vec!["s1".to_owned()];
    let refused = network.create_segment(pb::CreateSegmentRequest { segment: Some(looped) }).await.unwrap_err();
    assert!(refused.message().contains("segment.next_segment_ids"), "{refused:?}");
    let mut long = road("s1", 55.0, 37.0);
    long.geometry = vec![at(55.0, 37.0), at(57.0, 37.0)];
    let refused = network.create_segment(pb::CreateSegmentRequest { segment: Some(long) }).await.unwrap_err();
    assert!(refused.message().contains("100 km"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_changes_the_other_knows_soon() {
    let stage = Stage::on_postgres().await;
    let other = stage.replica().await;
    network(&stage).create_segment(pb::CreateSegmentRequest { segment: Some(road("s1", 55.0, 37.0)) }).await.unwrap();
    let get = || pb::GetSegmentRequest { segment_id: "s1".to_owned() };
    kvartal_testing::eventually(std::time::Duration::from_secs(30), || async {
        network(&other).get_segment(get()).await.map_err(|status| status.code())
    })
    .await;
    let delete = pb::DeleteSegmentRequest { segment_id: "s1".to_owned(), etag: String::new() };
    network(&other).delete_segment(delete).await.unwrap();
    kvartal_testing::eventually(std::time::Duration::from_secs(30), || async {
        match network(&stage).get_segment(get()).await {
            Err(status) if status.code() == Code::NotFound => Ok(()),
            other => Err(other.is_ok()),
        }
    })
    .await;
}
