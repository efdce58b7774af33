//! `report`: one row for each report.

use std::collections::BTreeMap;

use kvartal_kernel::{Error, Timestamp, Version};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::{count, ids_text, json_of, json_text, known, stored};
use crate::domain::area::AreaId;
use crate::domain::geo::LatLng;
use crate::domain::incident::IncidentId;
use crate::domain::photo::PhotoId;
use crate::domain::report::{Report, ReportId, ReportStatus};
use crate::domain::tracking::TrackingNumber;
use crate::infrastructure::grid;

/// A row. Also what the change log keeps, as JSON, without the request it was made by.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "report")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tracking number; unique.
    pub number: String,
    /// The category's id.
    pub category_id: String,
    /// Number of the status.
    pub status: i16,
    /// In the reporter's words.
    pub description: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Cell of the grid, see [`crate::infrastructure::grid`].
    pub cell: i32,
    /// What people would say.
    pub address: String,
    /// Its photos, JSON.
    pub photo_ids: String,
    /// Answers to the category's questions, JSON.
    pub answers: String,
    /// Whose it is.
    pub reporter_id: Option<Uuid>,
    /// Whether the reporter is shown to nobody.
    pub anonymous: bool,
    /// The area it lies in.
    pub area_id: Option<Uuid>,
    /// Who works on it; may be empty.
    pub team: String,
    /// The incident it belongs to.
    pub incident_id: Option<Uuid>,
    /// The report it repeats.
    pub duplicate_of: Option<Uuid>,
    /// The city's last word.
    pub answer: String,
    /// Microseconds since 1970, as all times.
    pub answer_due_time: i64,
    /// How many follow it.
    pub subscriber_count: i32,
    /// Votes for, in this round.
    pub confirmed_count: i32,
    /// Votes against, in this round.
    pub refuted_count: i32,
    /// The round of votes.
    pub round: i32,
    /// Hidden from the public.
    pub hidden: bool,
    /// Minutes; 0 for never.
    pub expire_minutes: i32,
    /// When it expires.
    pub expire_time: Option<i64>,
    /// When it is closed, while it is fixed.
    pub close_time: Option<i64>,
    /// When it was filed.
    pub create_time: i64,
    /// When it changed last.
    pub update_time: i64,
    /// How often it changed.
    pub version: i64,
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

impl From<&Report> for Model {
    fn from(report: &Report) -> Self {
        let Report {
            id,
            number,
            category,
            status,
            description,
            location,
            address,
            photos,
            answers,
            reporter,
            anonymous,
            area,
            team,
            incident,
            duplicate_of,
            answer,
            answer_due,
            subscribers,
            confirmed,
            refuted,
            round,
            hidden,
            expire_minutes,
            expire_due,
            close_due,
            created,
            updated,
            version,
        } = report;
        Self {
            id: id.0,
            number: number.as_str().to_owned(),
            category_id: category.clone(),
            status: status.number(),
            description: description.clone(),
            latitude: location.latitude,
            longitude: location.longitude,
            cell: grid::cell(*location),
            address: address.clone(),
            photo_ids: ids_text(photos.iter().map(|photo| photo.0)),
            answers: json_text(answers),
            reporter_id: *reporter,
            anonymous: *anonymous,
            area_id: area.map(|area| area.0),
            team: team.clone(),
            incident_id: incident.map(|incident| incident.0),
            duplicate_of: duplicate_of.map(|report| report.0),
            answer: answer.clone(),
            answer_due_time: answer_due.0,
            subscriber_count: stored(*subscribers),
            confirmed_count: stored(*confirmed),
            refuted_count: stored(*refuted),
            round: stored(*round),
            hidden: *hidden,
            expire_minutes: stored(*expire_minutes),
            expire_time: expire_due.map(|due| due.0),
            close_time: close_due.map(|due| due.0),
            create_time: created.0,
            update_time: updated.0,
            version: version.0,
            request_by: None,
            request_id: None,
            fingerprint: None,
        }
    }
}

impl TryFrom<Model> for Report {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let photos: Vec<Uuid> = json_of(&row.photo_ids)?;
        let answers: BTreeMap<String, String> = json_of(&row.answers)?;
        Ok(Self {
            id: ReportId(row.id),
            number: TrackingNumber::stored(row.number),
            category: row.category_id,
            status: known(ReportStatus::from_number(row.status.into()), "status")?,
            description: row.description,
            location: known(LatLng::new(row.latitude, row.longitude), "location")?,
            address: row.address,
            photos: photos.into_iter().map(PhotoId).collect(),
            answers,
            reporter: row.reporter_id,
            anonymous: row.anonymous,
            area: row.area_id.map(AreaId),
            team: row.team,
            incident: row.incident_id.map(IncidentId),
            duplicate_of: row.duplicate_of.map(ReportId),
            answer: row.answer,
            answer_due: Timestamp(row.answer_due_time),
            subscribers: count(row.subscriber_count),
            confirmed: count(row.confirmed_count),
            refuted: count(row.refuted_count),
            round: count(row.round),
            hidden: row.hidden,
            expire_minutes: count(row.expire_minutes),
            expire_due: row.expire_time.map(Timestamp),
            close_due: row.close_time.map(Timestamp),
            created: Timestamp(row.create_time),
            updated: Timestamp(row.update_time),
            version: Version(row.version),
        })
    }
}
