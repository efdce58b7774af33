//! `incident`: one row for each incident.

use kvartal_kernel::{Error, Timestamp, Version};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ids_text, json_of, json_text, known, points_of, points_text};
use crate::domain::area::AreaId;
use crate::domain::incident::{Facts, Incident, IncidentId, IncidentKind, IncidentStatus, Priority, TrafficLink};
use crate::domain::place::{Direction, LaneState, Place};
use crate::domain::report::ReportId;
use crate::infrastructure::grid;

/// A row. Also what the change log keeps, as JSON, without the request it was made by.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "incident")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Number of the kind.
    pub kind: i16,
    /// Number of the status.
    pub status: i16,
    /// Number of the priority.
    pub priority: i16,
    /// One line.
    pub title: String,
    /// As much as is known.
    pub description: String,
    /// Points, see [`super::points_text`].
    pub points: String,
    /// Name of the road.
    pub road: String,
    /// What people would say.
    pub address: String,
    /// Number of the direction, 0 when nobody said.
    pub direction: i16,
    /// The box around it, degrees.
    pub south: f64,
    /// See `south`.
    pub west: f64,
    /// See `south`.
    pub north: f64,
    /// See `south`.
    pub east: f64,
    /// Cell of the grid, see [`crate::infrastructure::grid`].
    pub cell: i32,
    /// Numbers of the lane states, 0 for unknown, JSON.
    pub lanes: String,
    /// The area it lies in.
    pub area_id: Option<Uuid>,
    /// Who works on it.
    pub assignee_id: Option<Uuid>,
    /// Who works on it; may be empty.
    pub team: String,
    /// Its reports, JSON.
    pub report_ids: String,
    /// Microseconds since 1970, as all times.
    pub start_time: i64,
    /// When it should end.
    pub end_time: Option<i64>,
    /// The feed's name; none for a person.
    pub source: Option<String>,
    /// When it was logged.
    pub create_time: i64,
    /// When it changed last.
    pub update_time: i64,
    /// How often it changed.
    pub version: i64,
    /// When it is closed, while it is resolved.
    pub close_time: Option<i64>,
    /// What traffic knows of it, JSON; none for nothing.
    #[serde(default)]
    pub traffic: Option<String>,
    /// Who made it with a request id.
    #[serde(skip)]
    pub request_by: Option<String>,
    /// The request id.
    #[serde(skip)]
    pub request_id: Option<Uuid>,
    /// What was asked for, SHA-256.
    #[serde(skip)]
    pub fingerprint: Option<Vec<u8>>,
}

/// None: the relations are followed by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Incident> for Model {
    fn from(incident: &Incident) -> Self {
        let Incident { id, facts, status, area, assignee, team, reports, source, .. } = incident;
        let Incident { created, updated, version, close_due, traffic, .. } = incident;
        let Facts { kind, priority, title, description, place, lanes, start, end } = facts;
        let bounds = place.bounds();
        Self {
            id: id.0,
            kind: kind.number(),
            status: status.number(),
            priority: priority.number(),
            title: title.clone(),
            description: description.clone(),
            points: points_text(&place.points),
            road: place.road.clone(),
            address: place.address.clone(),
            direction: place.direction.map_or(0, Direction::number),
            south: bounds.south,
            west: bounds.west,
            north: bounds.north,
            east: bounds.east,
            cell: grid::cell_of_box(&bounds),
            lanes: json_text(&lanes.iter().map(|lane| lane.map_or(0, LaneState::number)).collect::<Vec<_>>()),
            area_id: area.map(|area| area.0),
            assignee_id: *assignee,
            team: team.clone(),
            report_ids: ids_text(reports.iter().map(|report| report.0)),
            start_time: start.0,
            end_time: end.map(|end| end.0),
            source: (!source.is_empty()).then(|| source.clone()),
            create_time: created.0,
            update_time: updated.0,
            version: version.0,
            close_time: close_due.map(|due| due.0),
            traffic: (!traffic.is_empty()).then(|| json_text(&(&traffic.jams, &traffic.segments, &traffic.detectors))),
            request_by: None,
            request_id: None,
            fingerprint: None,
        }
    }
}

impl TryFrom<Model> for Incident {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let lanes: Vec<i32> = json_of(&row.lanes)?;
        let reports: Vec<kvartal_kernel::Uuid> = json_of(&row.report_ids)?;
        let traffic = row.traffic.as_deref().map(json_of).transpose()?.unwrap_or_default();
        let (jams, segments, detectors) = traffic;
        Ok(Self {
            id: IncidentId(row.id),
            facts: Facts {
                kind: known(IncidentKind::from_number(row.kind.into()), "kind")?,
                priority: known(Priority::from_number(row.priority.into()), "priority")?,
                title: row.title,
                description: row.description,
                place: Place {
                    points: points_of(&row.points)?,
                    road: row.road,
                    address: row.address,
                    direction: Direction::from_number(row.direction.into()),
                },
                lanes: lanes.into_iter().map(LaneState::from_number).collect(),
                start: Timestamp(row.start_time),
                end: row.end_time.map(Timestamp),
            },
            status: known(IncidentStatus::from_number(row.status.into()), "status")?,
            area: row.area_id.map(AreaId),
            assignee: row.assignee_id,
            team: row.team,
            reports: reports.into_iter().map(ReportId).collect(),
            source: row.source.unwrap_or_default(),
            created: Timestamp(row.create_time),
            updated: Timestamp(row.update_time),
            version: Version(row.version),
            close_due: row.close_time.map(Timestamp),
            traffic: TrafficLink { jams, segments, detectors },
        })
    }
}
