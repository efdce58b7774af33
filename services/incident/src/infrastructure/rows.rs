//! The tables as sea-orm sees them, and how rows become what they stand for.

pub mod incident;
pub mod report;
pub mod suggestion;
pub mod timeline;

use kvartal_kernel::{Error, Uuid};
use serde::Serialize;
use serde::de::DeserializeOwned;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident, $table:literal { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        pub mod $name {
            use sea_orm::entity::prelude::*;

            /// A row.
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model { $($(#[$field_meta])* pub $field: $kind,)* }

            /// None: the relations are followed by hand.
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table! {
    /// `category`: what reports can be about.
    category, "category" {
        /// Short, stable.
        #[sea_orm(primary_key, auto_increment = false)]
        id: String,
        /// In Russian.
        name_ru: String,
        /// In English.
        name_en: String,
        /// Such as `roads`.
        family: String,
        /// May be empty.
        team: String,
        /// JSON.
        questions: String,
        /// Working days.
        answer_working_days: i32,
        /// Minutes; 0 for never.
        expire_minutes: i32,
    }
}

table! {
    /// `area`: the parts of the city.
    area, "area" {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        /// Such as a district's name.
        name: String,
        /// Points, see [`super::points_text`].
        boundary: String,
        /// May be empty.
        team: String,
    }
}

table! {
    /// `answer_template`: prepared answers to reports.
    answer_template, "answer_template" {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        /// What it is chosen by.
        title: String,
        /// The answer.
        text: String,
        /// The status it goes with.
        status: i16,
    }
}

table! {
    /// `suggestion_member`: which suggestions a jam or a detector is a part of.
    suggestion_member, "suggestion_member" {
        /// The suggestion.
        #[sea_orm(primary_key, auto_increment = false)]
        suggestion_id: Uuid,
        /// Traffic's id of the jam or the detector.
        #[sea_orm(primary_key, auto_increment = false)]
        member: String,
    }
}

table! {
    /// `failed_detector`: detectors that cannot be believed now.
    failed_detector, "failed_detector" {
        /// Traffic's id of it.
        #[sea_orm(primary_key, auto_increment = false)]
        id: String,
        /// What people would say.
        name: String,
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// The segment it measures; may be empty.
        segment: String,
        /// Microseconds since 1970.
        fail_time: i64,
    }
}

table! {
    /// `vote`: who said what about a report in which round.
    vote, "vote" {
        /// The report.
        #[sea_orm(primary_key, auto_increment = false)]
        report_id: Uuid,
        /// Its round.
        #[sea_orm(primary_key, auto_increment = false)]
        round: i32,
        /// Who.
        #[sea_orm(primary_key, auto_increment = false)]
        user_id: Uuid,
        /// That it is so.
        confirmed: bool,
    }
}

table! {
    /// `subscription`: who follows a report.
    subscription, "subscription" {
        /// The report.
        #[sea_orm(primary_key, auto_increment = false)]
        report_id: Uuid,
        /// Who.
        #[sea_orm(primary_key, auto_increment = false)]
        user_id: Uuid,
        /// Since when, microseconds since 1970.
        create_time: i64,
    }
}

table! {
    /// `road_event`: which incident was made from which feature of which feed.
    road_event, "road_event" {
        /// The feed.
        #[sea_orm(primary_key, auto_increment = false)]
        source: String,
        /// The feed's own id.
        #[sea_orm(primary_key, auto_increment = false)]
        event_id: String,
        /// The incident.
        incident_id: Uuid,
        /// The feature as it came, JSON.
        raw: String,
        /// Whether the last edition no longer had it.
        gone: bool,
    }
}

table! {
    /// `feed`: when a feed was read last; also what two readings of it wait for each other at.
    feed, "feed" {
        /// Its name.
        #[sea_orm(primary_key, auto_increment = false)]
        source: String,
        /// Microseconds since 1970.
        update_time: i64,
    }
}

table! {
    /// `photo`: what is known about a photo.
    photo, "photo" {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        /// Who uploaded it; empty for somebody not signed in.
        owner: String,
        /// Pixels.
        width: i32,
        /// Pixels.
        height: i32,
        /// When, microseconds since 1970.
        create_time: i64,
        /// The report it belongs to.
        report_id: Option<Uuid>,
    }
}

table! {
    /// `photo_content`: the pictures, apart from what is looked up and changed.
    photo_content, "photo_content" {
        /// The photo.
        #[sea_orm(primary_key, auto_increment = false)]
        photo_id: Uuid,
        /// Whether it is the small one.
        #[sea_orm(primary_key, auto_increment = false)]
        thumbnail: bool,
        /// JPEG.
        content: Vec<u8>,
    }
}

table! {
    /// `change_log`: every change in the order in which streams tell it; kept for some days.
    change_log, "change_log" {
        /// Its place.
        #[sea_orm(primary_key)]
        position: i64,
        /// 1 for incidents, 2 for reports.
        subject: i16,
        /// When, microseconds since 1970.
        time: i64,
        /// Outline of what was, JSON, where the change touched what filters look at.
        was: Option<String>,
        /// What is, JSON.
        now: String,
    }
}

/// Points as text: latitude and longitude in turn, in 1e-7 degrees. Whole numbers come back exactly.
pub(super) fn points_text(points: &[crate::domain::geo::LatLng]) -> String {
    let numbers: Vec<i64> = points.iter().flat_map(|point| [e7(point.latitude), e7(point.longitude)]).collect();
    json_text(&numbers)
}

/// Points from their text.
pub(super) fn points_of(text: &str) -> Result<Vec<crate::domain::geo::LatLng>, Error> {
    let numbers: Vec<f64> = json_of(text)?;
    numbers
        .chunks(2)
        .map(|pair| match pair {
            [latitude, longitude] => crate::domain::geo::LatLng::new(latitude / 1e7, longitude / 1e7),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| Error::internal("a stored point is out of range"))
}

#[expect(clippy::cast_possible_truncation, reason = "at most 1.8e9")]
fn e7(degrees: f64) -> i64 {
    (degrees * 1e7).round() as i64
}

/// JSON of something that can always be written as JSON.
pub(super) fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What is stored as JSON.
pub(super) fn json_of<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::internal("a stored JSON text is broken").because(error))
}

/// A stored number of an enum.
pub(super) fn known<T>(value: Option<T>, what: &str) -> Result<T, Error> {
    value.ok_or_else(|| Error::internal(format!("the stored {what} is unknown")))
}

/// A stored count; never negative.
pub(super) fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// A count as it is stored.
pub(super) fn stored(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Ids as JSON text.
pub(super) fn ids_text(ids: impl Iterator<Item = Uuid>) -> String {
    json_text(&ids.collect::<Vec<_>>())
}
