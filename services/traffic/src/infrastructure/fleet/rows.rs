//! The tables of patrols and cameras as sea-orm sees them.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Error, Timestamp, Version};

use crate::domain::camera::{Camera, CameraFacts, Frame};
use crate::domain::patrol::{Mission, Patrol, PatrolStatus, Position};

/// `patrol`.
pub(super) mod patrol {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "patrol")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub call_sign: String,
        pub vehicle: String,
        /// Users' ids as JSON.
        pub members: String,
        pub status: i16,
        pub status_time: i64,
        pub latitude: Option<f64>,
        pub longitude: Option<f64>,
        pub heading_degrees: f64,
        pub speed_kmh: f64,
        pub position_time: Option<i64>,
        pub incident_id: Option<Uuid>,
        pub place_latitude: Option<f64>,
        pub place_longitude: Option<f64>,
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `patrol_position`: where patrols were.
pub(super) mod patrol_position {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "patrol_position")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub patrol: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub time: i64,
        pub latitude: f64,
        pub longitude: f64,
        pub heading_degrees: f64,
        pub speed_kmh: f64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `camera`.
pub(crate) mod camera {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "camera")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub display_name: String,
        pub latitude: f64,
        pub longitude: f64,
        /// Empty for none.
        pub segment: String,
        pub heading_degrees: f64,
        pub period_s: i32,
        pub frame_time: Option<i64>,
        pub fingerprint: i64,
        pub repeated: i32,
        pub brightness: f64,
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `camera_frame`: the newest picture of each camera.
pub(super) mod camera_frame {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "camera_frame")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub camera: String,
        pub time: i64,
        pub content: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl From<&Patrol> for patrol::Model {
    fn from(patrol: &Patrol) -> Self {
        let position = patrol.position;
        let place = patrol.mission.map(|mission| mission.place);
        Self {
            name: patrol.name.clone(),
            call_sign: patrol.call_sign.clone(),
            vehicle: patrol.vehicle.clone(),
            members: serde_json::to_string(&patrol.members).unwrap_or_default(),
            status: patrol.status.number(),
            status_time: patrol.status_time.0,
            latitude: position.map(|position| position.point.latitude),
            longitude: position.map(|position| position.point.longitude),
            heading_degrees: position.map_or(0.0, |position| position.heading_degrees),
            speed_kmh: position.map_or(0.0, |position| position.speed_kmh),
            position_time: position.map(|position| position.time.0),
            incident_id: patrol.mission.map(|mission| mission.incident),
            place_latitude: place.map(|place| place.latitude),
            place_longitude: place.map(|place| place.longitude),
            version: patrol.version.0,
        }
    }
}

impl TryFrom<patrol::Model> for Patrol {
    type Error = Error;

    fn try_from(row: patrol::Model) -> Result<Self, Error> {
        let status = PatrolStatus::from_number(row.status.into());
        let position = row.latitude.zip(row.longitude).zip(row.position_time).map(|(place, time)| Position {
            point: LatLng { latitude: place.0, longitude: place.1 },
            time: Timestamp(time),
            heading_degrees: row.heading_degrees,
            speed_kmh: row.speed_kmh,
        });
        let mission = row
            .incident_id
            .zip(row.place_latitude.zip(row.place_longitude))
            .map(|(incident, place)| Mission { incident, place: LatLng { latitude: place.0, longitude: place.1 } });
        Ok(Self {
            name: row.name,
            call_sign: row.call_sign,
            vehicle: row.vehicle,
            members: serde_json::from_str(&row.members)
                .map_err(|error| Error::internal("a stored JSON text is broken").because(error))?,
            status: status.ok_or_else(|| Error::internal("the stored status of a patrol is unknown"))?,
            status_time: Timestamp(row.status_time),
            position,
            mission,
            version: Version(row.version),
        })
    }
}

impl From<patrol_position::Model> for Position {
    fn from(row: patrol_position::Model) -> Self {
        Self {
            point: LatLng { latitude: row.latitude, longitude: row.longitude },
            time: Timestamp(row.time),
            heading_degrees: row.heading_degrees,
            speed_kmh: row.speed_kmh,
        }
    }
}

impl From<&Camera> for camera::Model {
    fn from(camera: &Camera) -> Self {
        let (facts, frame) = (&camera.facts, camera.frame.as_ref());
        Self {
            name: camera.name.clone(),
            display_name: facts.display_name.clone(),
            latitude: facts.location.latitude,
            longitude: facts.location.longitude,
            segment: facts.segment.clone(),
            heading_degrees: facts.heading_degrees,
            period_s: i32::try_from(facts.period_s).unwrap_or(i32::MAX),
            frame_time: frame.map(|frame| frame.time.0),
            fingerprint: frame.map_or(0, |frame| frame.fingerprint),
            repeated: frame.map_or(0, |frame| i32::try_from(frame.repeated).unwrap_or(i32::MAX)),
            brightness: frame.map_or(0.0, |frame| frame.brightness),
            version: camera.version.0,
        }
    }
}

impl From<camera::Model> for Camera {
    fn from(row: camera::Model) -> Self {
        let frame = row.frame_time.map(|time| Frame {
            time: Timestamp(time),
            fingerprint: row.fingerprint,
            repeated: u32::try_from(row.repeated).unwrap_or(0),
            brightness: row.brightness,
        });
        let facts = CameraFacts {
            display_name: row.display_name,
            location: LatLng { latitude: row.latitude, longitude: row.longitude },
            segment: row.segment,
            heading_degrees: row.heading_degrees,
            period_s: u32::try_from(row.period_s).unwrap_or(1),
        };
        Self { name: row.name, facts, frame, version: Version(row.version) }
    }
}
