//! `suggestion`: what the roads say might be an incident.

use kvartal_kernel::{Error, Timestamp, Version};
use sea_orm::entity::prelude::*;

use super::{failed_detector, json_of, json_text, known, points_of, points_text};
use crate::domain::geo::LatLng;
use crate::domain::incident::IncidentId;
use crate::domain::suggestion::{FailedDetector, Member, Suggestion, SuggestionId, SuggestionKind, SuggestionStatus};

/// A suggestion.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "suggestion")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Number of the kind.
    pub kind: i16,
    /// Number of the status.
    pub status: i16,
    /// Id, name and whether it is gone, of each jam or detector, JSON.
    pub members: String,
    /// Points, see [`super::points_text`].
    pub points: String,
    /// The road; may be empty.
    pub road: String,
    /// Ids of the segments, JSON.
    pub segments: String,
    /// How long the queue was, metres.
    pub queue_m: f64,
    /// The incident it became.
    pub incident_id: Option<Uuid>,
    /// Why it is none; may be empty.
    pub reason: String,
    /// Who decided; may be empty.
    pub actor: String,
    /// Microseconds since 1970, as all times.
    pub create_time: i64,
    /// When it changed last.
    pub update_time: i64,
    /// How often it changed.
    pub version: i64,
}

/// None: the relations are followed by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Suggestion> for Model {
    fn from(of: &Suggestion) -> Self {
        let members: Vec<_> = of.members.iter().map(|member| (&member.id, &member.name, member.gone)).collect();
        Self {
            id: of.id.0,
            kind: of.kind.number(),
            status: of.status.number(),
            members: json_text(&members),
            points: points_text(&of.points),
            road: of.road.clone(),
            segments: json_text(&of.segments),
            queue_m: of.queue_m,
            incident_id: of.incident.map(|incident| incident.0),
            reason: of.reason.clone(),
            actor: of.actor.clone(),
            create_time: of.created.0,
            update_time: of.updated.0,
            version: of.version.0,
        }
    }
}

impl TryFrom<Model> for Suggestion {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let members: Vec<(String, String, bool)> = json_of(&row.members)?;
        Ok(Self {
            id: SuggestionId(row.id),
            kind: known(SuggestionKind::from_number(row.kind.into()), "kind")?,
            status: known(SuggestionStatus::from_number(row.status.into()), "status")?,
            members: members.into_iter().map(|(id, name, gone)| Member { id, name, gone }).collect(),
            points: points_of(&row.points)?,
            road: row.road,
            segments: json_of(&row.segments)?,
            queue_m: row.queue_m,
            incident: row.incident_id.map(IncidentId),
            reason: row.reason,
            actor: row.actor,
            created: Timestamp(row.create_time),
            updated: Timestamp(row.update_time),
            version: Version(row.version),
        })
    }
}

impl From<&FailedDetector> for failed_detector::Model {
    fn from(of: &FailedDetector) -> Self {
        let FailedDetector { id, name, place, segment, time } = of.clone();
        Self { id, name, latitude: place.latitude, longitude: place.longitude, segment, fail_time: time.0 }
    }
}

impl From<failed_detector::Model> for FailedDetector {
    fn from(row: failed_detector::Model) -> Self {
        let place = LatLng { latitude: row.latitude, longitude: row.longitude };
        Self { id: row.id, name: row.name, place, segment: row.segment, time: Timestamp(row.fail_time) }
    }
}
