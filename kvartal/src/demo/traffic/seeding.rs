//! What the traffic of the demo city is made of: roads, districts, detectors, cameras and patrols, put through the RPCs.
//!
//! Everything has an id of its own, so putting it again changes nothing.

use kvartal_kernel::{Error, Role, Uuid};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::traffic::v1 as pb;

use super::roads::{Roads, heading, point_on};
use super::sensors::{PERIOD_S, Sensor};
use crate::demo::Demo;
use crate::demo::city::{Grade, Point};
use crate::demo::people::Person;

/// How often a camera sends a frame, seconds.
pub(crate) const FRAME_S: u32 = 30;
/// Cameras of the city.
const CAMERAS: usize = 8;
/// Patrols of the city: how they are called and what they drive.
const PATROLS: [(&str, &str, &str); 4] = [
    ("patrol-1", "Дозор-1", "LADA Vesta, о101рс"),
    ("patrol-2", "Дозор-2", "LADA Vesta, о102рс"),
    ("patrol-3", "Дозор-3", "УАЗ Патриот, о103рс"),
    ("patrol-4", "Дозор-4", "мотоцикл, 0104 рс"),
];

/// A camera.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    /// What it is called.
    pub(crate) id: String,
    /// The road it looks along.
    pub(crate) road: usize,
}

/// A patrol.
#[derive(Clone, Debug)]
pub(crate) struct Crew {
    /// What it is called.
    pub(crate) id: &'static str,
    /// Which of those with the role of a patrol is aboard; a dispatcher speaks for the others.
    pub(crate) member: Option<usize>,
}

/// Puts the roads and the districts.
pub(crate) async fn network(demo: &Demo, roads: &Roads) -> Result<(), Error> {
    let admin = administrator(demo)?;
    let client = &demo.town.traffic.network;
    for district in &demo.city.districts {
        let (ru, en) = district.name.split_once(" / ").unwrap_or((district.name, district.name));
        let request = pb::PutDistrictRequest {
            district_id: en.to_lowercase(),
            name_ru: ru.to_owned(),
            name_en: en.to_owned(),
            boundary: district.boundary.iter().map(|point| lat_lng(*point)).collect(),
            etag: String::new(),
        };
        let put = demo.town.call(admin, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.put_district(request).await })
        });
        put.await?;
    }
    let segments = roads.roads.iter().enumerate().map(|(index, road)| pb::NewSegment {
        segment_id: road.id.clone(),
        display_name: roads.name(road),
        corridor: road.corridor.clone(),
        corridor_offset_m: road.along_m,
        geometry: road.points.iter().map(|point| lat_lng(*point)).collect(),
        road_class: class(road.grade).into(),
        speed_limit_kmh: road.grade.speed_limit().into(),
        lanes: road.grade.lanes(),
        next_segment_ids: roads.leaving_after(index).into_iter().map(|next| roads.roads[next].id.clone()).collect(),
    });
    let request = pb::BatchPutSegmentsRequest { segments: segments.collect() };
    let put = demo.town.call(admin, request, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.batch_put_segments(request).await })
    });
    put.await.map(|_| ())
}

/// Puts the detectors.
pub(crate) async fn detectors(demo: &Demo, roads: &Roads, sensors: &[Sensor]) -> Result<(), Error> {
    let detectors = sensors.iter().map(|sensor| {
        let road = &roads.roads[sensor.road];
        pb::NewDetector {
            detector_id: sensor.id.clone(),
            display_name: roads.name(road),
            kind: pb::DetectorKind::InductiveLoop.into(),
            location: Some(lat_lng(point_on(road, 0.5))),
            segment_id: road.id.clone(),
            segment_offset_m: road.length_m / 2.0,
            lane: 0,
            period_seconds: PERIOD_S,
        }
    });
    let request = pb::BatchPutDetectorsRequest { detectors: detectors.collect() };
    let client = &demo.town.traffic.detectors;
    let put = demo.town.call(administrator(demo)?, request, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.batch_put_detectors(request).await })
    });
    put.await.map(|_| ())
}

/// Puts the cameras: beside detectors all over the city.
pub(crate) async fn cameras(demo: &Demo, roads: &Roads, sensors: &[Sensor]) -> Result<Vec<Camera>, Error> {
    let admin = administrator(demo)?;
    let mut cameras = Vec::new();
    for sensor in sensors.iter().step_by((sensors.len() / CAMERAS).max(1)).take(CAMERAS) {
        let road = &roads.roads[sensor.road];
        let camera = Camera { id: format!("camera-{}", cameras.len() + 1), road: sensor.road };
        let request = pb::CreateCameraRequest {
            camera_id: camera.id.clone(),
            display_name: roads.name(road),
            location: Some(lat_lng(point_on(road, 0.4))),
            segment_id: road.id.clone(),
            heading_degrees: heading(road),
            period_seconds: FRAME_S,
        };
        let client = &demo.town.traffic.cameras;
        let create = demo.town.call(admin, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.create_camera(request).await })
        });
        create.await?;
        cameras.push(camera);
    }
    Ok(cameras)
}

/// Puts the patrols; the first have people aboard who can sign in.
pub(crate) async fn patrols(demo: &Demo) -> Result<Vec<Crew>, Error> {
    let dispatchers = demo.with_role(Role::Dispatcher);
    let dispatcher = dispatchers.first().ok_or_else(|| Error::internal("the demo has no dispatcher"))?;
    let drivers = demo.with_role(Role::Patrol);
    let mut crews = Vec::new();
    for (index, (id, call_sign, vehicle)) in PATROLS.into_iter().enumerate() {
        let mut member_ids = Vec::new();
        if let Some(driver) = drivers.get(index) {
            member_ids.push(user_id(demo, driver).await?.to_string());
        }
        let request = pb::CreatePatrolRequest {
            patrol_id: id.to_owned(),
            call_sign: call_sign.to_owned(),
            vehicle: vehicle.to_owned(),
            member_ids,
        };
        let client = &demo.town.traffic.patrols;
        let create = demo.town.call(dispatcher, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.create_patrol(request).await })
        });
        create.await?;
        crews.push(Crew { id, member: (index < drivers.len()).then_some(index) });
    }
    Ok(crews)
}

async fn user_id(demo: &Demo, person: &Person) -> Result<Uuid, Error> {
    let client = &demo.town.identity;
    let profile = demo.town.call(person, identity::GetProfileRequest {}, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.get_profile(request).await })
    });
    let user = profile.await?.user.unwrap_or_default();
    user.user_id.parse().map_err(|_| Error::internal("identity gave a profile without an id"))
}

/// Somebody who may put all this.
pub(crate) fn administrator(demo: &Demo) -> Result<&Person, Error> {
    demo.with_role(Role::Admin).first().copied().ok_or_else(|| Error::internal("the demo has no administrator"))
}

fn class(grade: Grade) -> pb::RoadClass {
    match grade {
        Grade::Trunk => pb::RoadClass::Trunk,
        Grade::Primary => pb::RoadClass::Primary,
        Grade::Secondary => pb::RoadClass::Secondary,
        Grade::Tertiary => pb::RoadClass::Tertiary,
    }
}

/// A point as the contract has it.
pub(crate) fn lat_lng((latitude, longitude): Point) -> pb::LatLng {
    pb::LatLng { latitude, longitude }
}
