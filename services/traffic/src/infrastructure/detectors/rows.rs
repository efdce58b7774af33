//! The tables of detectors as sea-orm sees them.

use kvartal_kernel::{Error, Timestamp, Version};

use crate::application::detectors::HealthEvent;
use crate::domain::detector::{Detector, DetectorFacts, DetectorKind};
use crate::domain::health::{Rule, Rules};
use crate::domain::reading::DetectorNo;

/// `detector`: what measures.
pub(crate) mod detector {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "detector")]
    pub struct Model {
        /// The number of its readings.
        #[sea_orm(primary_key)]
        pub number: i32,
        /// Unique.
        pub id: String,
        /// May be empty.
        pub name: String,
        /// A number of the contract.
        pub kind: i16,
        /// Degrees.
        pub latitude: Option<f64>,
        /// Degrees.
        pub longitude: Option<f64>,
        /// May be empty.
        pub segment_id: String,
        /// Metres.
        pub segment_offset_m: f64,
        /// 0 for all.
        pub lane: i16,
        /// Seconds.
        pub period: i32,
        /// Out of service.
        pub retired: bool,
        /// A bit for each rule; none before it was judged.
        pub broken: Option<i16>,
        /// Microseconds since 1970.
        pub health_time: Option<i64>,
        /// 0 unknown, 1 good, 2 failed, 3 retired: for lists.
        pub health: i16,
        /// Microseconds since 1970.
        pub create_time: i64,
        /// Microseconds since 1970.
        pub update_time: i64,
        /// Changes with every change.
        pub version: i64,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `detector_health_event`: what was found about them.
pub(crate) mod event {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "detector_health_event")]
    pub struct Model {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The detector.
        pub detector: i32,
        /// A number of the contract.
        pub rule: i16,
        /// Whether it is broken from then on.
        pub broken: bool,
        /// Microseconds since 1970.
        pub since: i64,
        /// Microseconds since 1970.
        pub found: i64,
        /// What was seen.
        pub detail: String,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<detector::Model> for Detector {
    type Error = Error;

    fn try_from(row: detector::Model) -> Result<Self, Error> {
        let unreadable = || Error::internal("a row of a detector cannot be read");
        Ok(Self {
            number: DetectorNo(row.number),
            id: row.id,
            facts: DetectorFacts {
                name: row.name,
                kind: DetectorKind::from_number(row.kind.into()).ok_or_else(unreadable)?,
                location: row.latitude.zip(row.longitude),
                segment: row.segment_id,
                segment_offset_m: row.segment_offset_m,
                lane: u32::try_from(row.lane).map_err(|_| unreadable())?,
                period: u32::try_from(row.period).map_err(|_| unreadable())?,
            },
            retired: row.retired,
            broken: row.broken.map(rules).transpose()?,
            health_time: row.health_time.map(Timestamp),
            created: Timestamp(row.create_time),
            updated: Timestamp(row.update_time),
            version: Version(row.version),
        })
    }
}

fn rules(bits: i16) -> Result<Rules, Error> {
    u8::try_from(bits).map(Rules).map_err(|_| Error::internal("the rules of a detector cannot be read"))
}

impl From<&Detector> for detector::Model {
    fn from(detector: &Detector) -> Self {
        let facts = &detector.facts;
        Self {
            number: detector.number.0,
            id: detector.id.clone(),
            name: facts.name.clone(),
            kind: facts.kind.number(),
            latitude: facts.location.map(|place| place.0),
            longitude: facts.location.map(|place| place.1),
            segment_id: facts.segment.clone(),
            segment_offset_m: facts.segment_offset_m,
            lane: i16::try_from(facts.lane).unwrap_or(i16::MAX),
            period: i32::try_from(facts.period).unwrap_or(i32::MAX),
            retired: detector.retired,
            broken: detector.broken.map(|rules| rules.0.into()),
            health_time: detector.health_time.map(|time| time.0),
            health: detector.health() as i16,
            create_time: detector.created.0,
            update_time: detector.updated.0,
            version: detector.version.0,
        }
    }
}

impl From<&HealthEvent> for event::Model {
    fn from(event: &HealthEvent) -> Self {
        Self {
            id: event.id,
            detector: event.detector.0,
            rule: event.rule as i16,
            broken: event.broken,
            since: event.since.0,
            found: event.found.0,
            detail: event.detail.clone(),
        }
    }
}

impl TryFrom<event::Model> for HealthEvent {
    type Error = Error;

    fn try_from(row: event::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            detector: DetectorNo(row.detector),
            rule: Rule::from_number(row.rule.into())
                .ok_or_else(|| Error::internal("a finding about a detector cannot be read"))?,
            broken: row.broken,
            since: Timestamp(row.since),
            found: Timestamp(row.found),
            detail: row.detail,
        })
    }
}
