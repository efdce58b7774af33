//! Patrols and cameras.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::post;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as incident;
use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::camera_service_client::CameraServiceClient;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_proto::traffic::v1::patrol_service_client::PatrolServiceClient;
use kvartal_proto::traffic::v1::{CameraHealth, PatrolStatus};
use prost::Message as _;
use tonic::Code;

use crate::network::{at, road};
use crate::stage::{Client, Person, Stage, on_both, reason};

on_both!(
    a_patrol_is_sent_to_an_incident_and_comes_back,
    only_who_is_aboard_speaks_for_a_patrol,
    arrivals_follow_the_roads,
    a_track_tells_where_a_patrol_was,
    a_camera_tells_how_old_its_frame_is_and_whether_it_shows_something,
    wrong_frames_are_refused,
);

fn patrols(stage: &Stage, who: &Person) -> PatrolServiceClient<Client> {
    PatrolServiceClient::new(stage.client(who))
}

/// An incident service that knows one incident.
fn know(stage: &Stage, id: Uuid, status: incident::IncidentStatus) {
    let answer = incident::GetIncidentResponse {
        incident: Some(incident::Incident {
            incident_id: id.to_string(),
            status: status.into(),
            place: Some(incident::Place {
                points: vec![incident::LatLng { latitude: 55.0, longitude: 37.03 }],
                ..Default::default()
            }),
            ..Default::default()
        }),
    };
    let frame = |message: Vec<u8>| {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(message);
        bytes
    };
    let reply = move |request: Bytes| {
        let asked = incident::GetIncidentRequest::decode(&request[5..]).unwrap();
        let known = asked.incident_id == id.to_string();
        let body = if known { frame(answer.encode_to_vec()) } else { Vec::new() };
        let response = Response::builder().header("content-type", "application/grpc");
        let status = if known { "0" } else { "5" };
        async move { response.header("grpc-status", status).body(Body::from(body)).unwrap() }
    };
    let routes = Router::new().route("/kvartal.incident.v1.IncidentService/GetIncident", post(reply));
    stage.register("incident", routes.into());
}

async fn create(stage: &Stage, id: &str, members: Vec<String>) -> pb::Patrol {
    let request = pb::CreatePatrolRequest {
        patrol_id: id.to_owned(),
        call_sign: format!("Call {id}"),
        vehicle: String::new(),
        member_ids: members,
    };
    patrols(stage, &stage.admin()).create_patrol(request).await.unwrap().into_inner().patrol.unwrap()
}

async fn set(stage: &Stage, who: &Person, id: &str, status: PatrolStatus) -> Result<pb::Patrol, tonic::Status> {
    let request = pb::SetPatrolStatusRequest { patrol_id: id.to_owned(), status: status.into(), etag: String::new() };
    Ok(patrols(stage, who).set_patrol_status(request).await?.into_inner().patrol.unwrap())
}

async fn report(stage: &Stage, who: &Person, id: &str, place: pb::LatLng) -> Result<pb::Patrol, tonic::Status> {
    let request = pb::ReportPatrolPositionRequest {
        patrol_id: id.to_owned(),
        location: Some(place),
        heading_degrees: 90.0,
        speed_kmh: 50.0,
        ..Default::default()
    };
    Ok(patrols(stage, who).report_patrol_position(request).await?.into_inner().patrol.unwrap())
}

async fn a_patrol_is_sent_to_an_incident_and_comes_back(stage: Stage) {
    let (open, over) = (Uuid::now_v7(), Uuid::now_v7());
    know(&stage, open, incident::IncidentStatus::Confirmed);
    let dispatcher = stage.admin();
    create(&stage, "p1", Vec::new()).await;
    let assign = |incident: Uuid| pb::AssignPatrolRequest {
        patrol_id: "p1".to_owned(),
        incident_id: incident.to_string(),
        etag: String::new(),
    };
    let off_duty = patrols(&stage, &dispatcher).assign_patrol(assign(open)).await.unwrap_err();
    assert_eq!(reason(&off_duty), "PATROL_NOT_AVAILABLE");
    set(&stage, &dispatcher, "p1", PatrolStatus::Available).await.unwrap();
    report(&stage, &dispatcher, "p1", at(55.0, 37.0)).await.unwrap();
    let unknown = patrols(&stage, &dispatcher).assign_patrol(assign(over)).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "INCIDENT_NOT_FOUND"));

    let sent = patrols(&stage, &dispatcher).assign_patrol(assign(open)).await.unwrap().into_inner().patrol.unwrap();
    assert_eq!((sent.status(), sent.incident_id.as_str()), (PatrolStatus::EnRoute, open.to_string().as_str()));
    assert!(sent.arrival_time.is_some(), "it is known when it should be there");
    let again = patrols(&stage, &dispatcher).assign_patrol(assign(open)).await.unwrap().into_inner().patrol.unwrap();
    assert_eq!(again.etag, sent.etag, "the same again changes nothing");
    let busy = set(&stage, &dispatcher, "p1", PatrolStatus::OffDuty).await.unwrap_err();
    assert_eq!(reason(&busy), "PATROL_ON_MISSION");
    let delete = pb::DeletePatrolRequest { patrol_id: "p1".to_owned(), etag: String::new() };
    assert_eq!(
        reason(&patrols(&stage, &dispatcher).delete_patrol(delete.clone()).await.unwrap_err()),
        "PATROL_ON_MISSION"
    );

    let release = pb::ReleasePatrolRequest { patrol_id: "p1".to_owned(), etag: String::new() };
    let back = patrols(&stage, &dispatcher).release_patrol(release).await.unwrap().into_inner().patrol.unwrap();
    assert_eq!((back.status(), back.incident_id.as_str()), (PatrolStatus::Available, ""));

    know(&stage, over, incident::IncidentStatus::Resolved);
    let late = patrols(&stage, &dispatcher).assign_patrol(assign(over)).await.unwrap_err();
    assert_eq!(reason(&late), "INCIDENT_OVER");
    patrols(&stage, &dispatcher).delete_patrol(delete).await.unwrap();
}

async fn only_who_is_aboard_speaks_for_a_patrol(stage: Stage) {
    let (driver, stranger) = (stage.person(&["patrol"]), stage.person(&["patrol"]));
    create(&stage, "p1", vec![driver.name()]).await;
    report(&stage, &driver, "p1", at(55.0, 37.0)).await.unwrap();
    set(&stage, &driver, "p1", PatrolStatus::Available).await.unwrap();
    for refused in [
        report(&stage, &stranger, "p1", at(55.0, 37.0)).await.unwrap_err(),
        set(&stage, &stranger, "p1", PatrolStatus::Busy).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "NOT_ABOARD"));
    }
    let citizen = patrols(&stage, &stage.person(&["citizen"]));
    let list = citizen.clone().list_patrols(pb::ListPatrolsRequest::default()).await.unwrap_err();
    assert_eq!(list.code(), Code::PermissionDenied, "where patrols are is not for everybody");
}

async fn arrivals_follow_the_roads(stage: Stage) {
    let mut network = NetworkServiceClient::new(stage.client(&stage.admin()));
    let segments = (0..4).map(|n| {
        let mut segment = road(&format!("s{n}"), 55.0, 37.0 + f64::from(n) * 0.016);
        segment.next_segment_ids = vec![format!("s{}", n + 1)];
        segment
    });
    network.batch_put_segments(pb::BatchPutSegmentsRequest { segments: segments.collect() }).await.unwrap();
    let dispatcher = stage.admin();
    for (id, longitude) in [("near", 37.03), ("far", 37.001), ("busy", 37.04), ("beyond", 37.06)] {
        create(&stage, id, Vec::new()).await;
        report(&stage, &dispatcher, id, at(55.0, longitude)).await.unwrap();
        let status = if id == "busy" { PatrolStatus::Busy } else { PatrolStatus::Available };
        set(&stage, &dispatcher, id, status).await.unwrap();
    }
    let request = pb::EstimatePatrolArrivalsRequest { location: Some(at(55.0, 37.05)) };
    let arrivals = patrols(&stage, &dispatcher).estimate_patrol_arrivals(request).await.unwrap().into_inner().arrivals;
    let names: Vec<&str> = arrivals.iter().map(|arrival| arrival.patrol.as_ref().unwrap().patrol_id.as_str()).collect();
    assert_eq!(names, ["near", "beyond", "far"]);
    // The road leads east only: whoever is beyond has no way back and is estimated.
    assert_eq!(arrivals.iter().map(|arrival| arrival.routed).collect::<Vec<_>>(), [true, false, true]);
    // 0.02 degrees at three quarters of 60 km/h.
    let expected = 1_275.0 / 12.5;
    assert!((arrivals[0].duration_seconds - expected).abs() < 2.0, "{} s", arrivals[0].duration_seconds);
}

async fn a_track_tells_where_a_patrol_was(stage: Stage) {
    create(&stage, "p1", Vec::new()).await;
    let dispatcher = stage.admin();
    let begin = crate::stage::NOW.seconds();
    for step in 0..5 {
        report(&stage, &dispatcher, "p1", at(55.0 + f64::from(step) * 0.001, 37.0)).await.unwrap();
        stage.clock.advance(Duration::from_secs(10));
    }
    // A position from before comes late: kept, but the patrol is not there any more.
    let late = pb::ReportPatrolPositionRequest {
        patrol_id: "p1".to_owned(),
        location: Some(at(54.0, 37.0)),
        time: crate::stage::at(begin + 5),
        ..Default::default()
    };
    let patrol = patrols(&stage, &dispatcher).report_patrol_position(late).await.unwrap().into_inner().patrol.unwrap();
    assert!((patrol.location.unwrap().latitude - 55.004).abs() < 1e-6);
    let request = |to: i64| pb::ListPatrolTrackRequest {
        patrol_id: "p1".to_owned(),
        start_time: crate::stage::at(begin),
        end_time: crate::stage::at(to),
    };
    let track = patrols(&stage, &dispatcher).list_patrol_track(request(begin + 35)).await.unwrap().into_inner();
    let places: Vec<i64> =
        track.positions.iter().map(|position| (position.location.unwrap().latitude * 1_000.0).round() as i64).collect();
    assert_eq!(places, [55_000, 54_000, 55_001, 55_002, 55_003]);
    let long = patrols(&stage, &dispatcher).list_patrol_track(request(begin + 90_000)).await.unwrap_err();
    assert!(long.message().contains("end_time"), "{long:?}");
}

fn jpeg(shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels: Vec<u8> = (0..64 * 48 * 3_u32).map(|n| shade.saturating_add((n % 5) as u8)).collect();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.write_image(&pixels, 64, 48, ExtendedColorType::Rgb8).unwrap();
    bytes
}

async fn upload(stage: &Stage, content: Vec<u8>) -> Result<pb::Camera, tonic::Status> {
    let request = pb::UploadCameraFrameRequest { camera_id: "c1".to_owned(), time: None, content: content.into() };
    let mut cameras = CameraServiceClient::new(stage.client(&stage.admin()));
    Ok(cameras.upload_camera_frame(request).await?.into_inner().camera.unwrap())
}

async fn add_camera(stage: &Stage) -> pb::Camera {
    let request = pb::CreateCameraRequest {
        camera_id: "c1".to_owned(),
        display_name: "Мост".to_owned(),
        location: Some(at(55.0, 37.0)),
        period_seconds: 30,
        ..Default::default()
    };
    let mut cameras = CameraServiceClient::new(stage.client(&stage.admin()));
    cameras.create_camera(request).await.unwrap().into_inner().camera.unwrap()
}

async fn a_camera_tells_how_old_its_frame_is_and_whether_it_shows_something(stage: Stage) {
    let camera = add_camera(&stage).await;
    assert_eq!((camera.health(), camera.frame_path.as_str()), (CameraHealth::Unspecified, ""));
    let shown = upload(&stage, jpeg(120)).await.unwrap();
    assert_eq!((shown.health(), shown.frame_path.as_str()), (CameraHealth::Good, "/camera-frames/c1.jpg"));
    assert_eq!(shown.etag, camera.etag, "a frame is no change of the camera");
    let mut cameras = CameraServiceClient::new(stage.client(&stage.admin()));
    let get = || pb::GetCameraRequest { camera_id: "c1".to_owned() };
    stage.clock.advance(Duration::from_secs(91));
    let stale = cameras.get_camera(get()).await.unwrap().into_inner().camera.unwrap();
    assert_eq!((stale.health(), stale.frame_age_seconds), (CameraHealth::Stale, 91.0));
    for _ in 0..2 {
        upload(&stage, jpeg(120)).await.unwrap();
        stage.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(cameras.get_camera(get()).await.unwrap().into_inner().camera.unwrap().health(), CameraHealth::Frozen);
    assert_eq!(upload(&stage, jpeg(0)).await.unwrap().health(), CameraHealth::Dark);
    stage.clock.advance(Duration::from_secs(10));
    assert_eq!(upload(&stage, jpeg(90)).await.unwrap().health(), CameraHealth::Good);
}

async fn wrong_frames_are_refused(stage: Stage) {
    add_camera(&stage).await;
    let refused = upload(&stage, b"GIF89a, which nobody wants to decode".to_vec()).await.unwrap_err();
    assert_eq!(reason(&refused), "FRAME_REFUSED");
    assert!(refused.message().contains("JPEG, PNG or WebP"), "{refused:?}");
    let mut cameras = CameraServiceClient::new(stage.client(&stage.person(&["citizen"])));
    let request = pb::UploadCameraFrameRequest { camera_id: "c1".to_owned(), time: None, content: jpeg(1).into() };
    assert_eq!(cameras.upload_camera_frame(request).await.unwrap_err().code(), Code::PermissionDenied);
    let lost = pb::CreateCameraRequest {
        camera_id: "c2".to_owned(),
        display_name: "x".to_owned(),
        location: Some(at(55.0, 37.0)),
        segment_id: "nowhere".to_owned(),
        ..Default::default()
    };
    let mut cameras = CameraServiceClient::new(stage.client(&stage.admin()));
    assert!(cameras.create_camera(lost).await.unwrap_err().message().contains("segment_id"));
}
