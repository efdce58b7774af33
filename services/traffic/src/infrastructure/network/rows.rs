//! The tables of the network as sea-orm sees them.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Error, Timestamp, Version};

use crate::domain::network::Segment;
use crate::domain::network::district::District;
use crate::domain::network::segment::{RoadClass, SegmentFacts};

/// `network_state`: one row.
pub(super) mod state {
    use sea_orm::entity::prelude::*;

    /// The only row.
    pub(crate) const ONLY: i16 = 1;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "network_state")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i16,
        /// Of the last change.
        pub revision: i64,
        /// How many segments there are.
        pub segments: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `segment`: roads, and those that were removed.
pub(super) mod segment {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "segment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub display_name: String,
        pub corridor: String,
        pub corridor_offset_m: f64,
        /// See [`super::points_text`].
        pub geometry: String,
        pub class: i16,
        pub speed_limit_kmh: f64,
        pub lanes: i32,
        /// Names as JSON.
        pub next: String,
        pub create_time: i64,
        pub update_time: i64,
        pub version: i64,
        /// Of its last change.
        pub revision: i64,
        pub removed: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `district`: parts of the city, and those that were removed.
pub(super) mod district {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "district")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub name_ru: String,
        pub name_en: String,
        /// See [`super::points_text`].
        pub boundary: String,
        pub version: i64,
        /// Of its last change.
        pub revision: i64,
        pub removed: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl segment::Model {
    /// The segment as a row.
    pub(super) fn of(segment: &Segment, revision: i64) -> Self {
        let facts = &segment.facts;
        Self {
            name: segment.name.clone(),
            display_name: facts.display_name.clone(),
            corridor: facts.corridor.clone(),
            corridor_offset_m: facts.corridor_offset_m,
            geometry: points_text(&facts.geometry),
            class: facts.class.number(),
            speed_limit_kmh: facts.speed_limit_kmh,
            lanes: i32::try_from(facts.lanes).unwrap_or(i32::MAX),
            next: serde_json::to_string(&facts.next).unwrap_or_default(),
            create_time: segment.created.0,
            update_time: segment.updated.0,
            version: segment.version.0,
            revision,
            removed: false,
        }
    }

    /// What stays of a removed segment.
    pub(super) fn removed(name: String, revision: i64) -> Self {
        Self {
            name,
            display_name: String::new(),
            corridor: String::new(),
            corridor_offset_m: 0.0,
            geometry: String::new(),
            class: 0,
            speed_limit_kmh: 0.0,
            lanes: 0,
            next: String::new(),
            create_time: 0,
            update_time: 0,
            version: 0,
            revision,
            removed: true,
        }
    }
}

impl TryFrom<segment::Model> for Segment {
    type Error = Error;

    fn try_from(row: segment::Model) -> Result<Self, Error> {
        let class = RoadClass::from_number(row.class.into());
        let facts = SegmentFacts {
            display_name: row.display_name,
            corridor: row.corridor,
            corridor_offset_m: row.corridor_offset_m,
            geometry: points_of(&row.geometry)?,
            class: class.ok_or_else(|| Error::internal("the stored class of a road is unknown"))?,
            speed_limit_kmh: row.speed_limit_kmh,
            lanes: u32::try_from(row.lanes).unwrap_or(1),
            next: serde_json::from_str(&row.next)
                .map_err(|error| Error::internal("a stored JSON text is broken").because(error))?,
        };
        let (created, updated) = (Timestamp(row.create_time), Timestamp(row.update_time));
        Ok(Self::restored(row.name, facts, created, updated, Version(row.version)))
    }
}

impl district::Model {
    /// The district as a row.
    pub(super) fn of(district: &District, revision: i64) -> Self {
        Self {
            name: district.name.clone(),
            name_ru: district.name_ru.clone(),
            name_en: district.name_en.clone(),
            boundary: points_text(&district.boundary),
            version: district.version.0,
            revision,
            removed: false,
        }
    }

    /// What stays of a removed district.
    pub(super) fn removed(name: String, revision: i64) -> Self {
        let empty = String::new;
        Self { name, name_ru: empty(), name_en: empty(), boundary: empty(), version: 0, revision, removed: true }
    }
}

impl TryFrom<district::Model> for District {
    type Error = Error;

    fn try_from(row: district::Model) -> Result<Self, Error> {
        let boundary = points_of(&row.boundary)?;
        Self::new(row.name, row.name_ru, row.name_en, boundary, Version(row.version))
            .map_err(|error| Error::internal("a stored district is broken").because(error))
    }
}

/// Points as whole numbers of 1e-7 degrees, latitude and longitude in turn.
fn points_text(points: &[LatLng]) -> String {
    let e7 = |degrees: f64| format!("{:.0}", degrees * 1e7);
    let numbers: Vec<String> = points.iter().flat_map(|point| [e7(point.latitude), e7(point.longitude)]).collect();
    numbers.join(" ")
}

fn points_of(text: &str) -> Result<Vec<LatLng>, Error> {
    let broken = || Error::internal("the stored points of a line are broken");
    let numbers = text.split_whitespace().map(|number| number.parse::<f64>().map_err(|_| broken()));
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    let points = numbers.chunks(2).map(|pair| match pair {
        [latitude, longitude] => LatLng::new(latitude / 1e7, longitude / 1e7).ok_or_else(broken),
        _ => Err(broken()),
    });
    points.collect()
}
