//! The tables of congestion as sea-orm sees them. Steps are five minutes, counted from 1970.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

macro_rules! table {
    ($(#[$doc:meta])* $name:ident, $table:literal { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        pub mod $name {
            use sea_orm::entity::prelude::*;

            /// A row.
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model { $($(#[$field_meta])* pub $field: $kind,)* }

            /// None.
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table! {
    /// `segment_level`: when the level of a segment changed.
    level, "segment_level" {
        /// The segment.
        #[sea_orm(primary_key, auto_increment = false)]
        segment_id: String,
        /// The first step with the level.
        #[sea_orm(primary_key, auto_increment = false)]
        step: i64,
        /// 1 free to 4 standstill; NULL when nothing is known from then on.
        level: Option<i16>,
    }
}

table! {
    /// `congestion_head`: how far the computation is; one row.
    head, "congestion_head" {
        /// Always 1.
        #[sea_orm(primary_key, auto_increment = false)]
        id: i16,
        /// Grows with every change.
        version: i64,
        /// The last step that was computed.
        done: Option<i64>,
        /// From here on it has to be computed once more.
        redo: Option<i64>,
    }
}

table! {
    /// `congestion_tracker`: what the rules remembered after a step.
    tracker, "congestion_tracker" {
        /// The step.
        #[sea_orm(primary_key, auto_increment = false)]
        step: i64,
        /// JSON.
        state: String,
    }
}

table! {
    /// `congestion_dirty`: steps whose readings changed after they were last computed.
    dirty, "congestion_dirty" {
        /// The step.
        #[sea_orm(primary_key, auto_increment = false)]
        step: i64,
        /// How often it was marked.
        mark: i64,
    }
}

table! {
    /// `jam`: jams as they are, or were at last.
    jam, "jam" {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        /// The rule's number.
        rule: i16,
        /// Its first step.
        start_step: i64,
        /// The step by which it was found.
        found_step: i64,
        /// The first step without it.
        end_step: Option<i64>,
        /// The step by which its end was found.
        closed_step: Option<i64>,
        /// The jam that it became part of.
        into_id: Option<Uuid>,
        /// The step that the following is of.
        update_step: i64,
        /// From its head against the traffic: `|a|b|`.
        segments: String,
        /// `|a|b|`.
        districts: String,
        /// May be empty.
        corridor: String,
        /// May be empty.
        name: String,
        /// Of its head, degrees.
        latitude: Option<f64>,
        /// Of its head, degrees.
        longitude: Option<f64>,
        /// Degrees.
        south: Option<f64>,
        /// Degrees.
        west: Option<f64>,
        /// Degrees.
        north: Option<f64>,
        /// Degrees.
        east: Option<f64>,
        /// Metres.
        queue_m: f64,
        /// Metres.
        peak_m: f64,
        /// km/h.
        mean_speed_kmh: f64,
        /// Seconds.
        delay_s: f64,
        /// Its worst level.
        level: i16,
    }
}

table! {
    /// `jam_moment`: a jam at each of its steps.
    moment, "jam_moment" {
        /// The jam.
        #[sea_orm(primary_key, auto_increment = false)]
        jam_id: Uuid,
        /// The step.
        #[sea_orm(primary_key, auto_increment = false)]
        step: i64,
        /// `|a|b|`.
        segments: String,
        /// Metres.
        queue_m: f64,
        /// Metres, so far.
        peak_m: f64,
        /// km/h.
        mean_speed_kmh: f64,
        /// Seconds.
        delay_s: f64,
        /// Its worst level.
        level: i16,
        /// A jam that became part of it.
        absorbed_id: Option<Uuid>,
    }
}

table! {
    /// `traffic_warning`: slow traffic ahead.
    warning, "traffic_warning" {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        /// The rule's number.
        rule: i16,
        /// Where it begins.
        segment_id: String,
        /// What it was compared with.
        compared_segment_id: String,
        /// A detector of the first; may be empty.
        detector_id: String,
        /// A detector of the second; may be empty.
        compared_detector_id: String,
        /// Degrees.
        latitude: Option<f64>,
        /// Degrees.
        longitude: Option<f64>,
        /// km/h.
        speed_kmh: f64,
        /// km/h.
        upstream_kmh: f64,
        /// Its first step.
        start_step: i64,
        /// The step by which it was found.
        found_step: i64,
        /// The first step without it.
        end_step: Option<i64>,
        /// The step by which its end was found.
        closed_step: Option<i64>,
    }
}

table! {
    /// `traffic_score`: 0 to 10 for each step.
    score, "traffic_score" {
        /// Empty for the whole city.
        #[sea_orm(primary_key, auto_increment = false)]
        district_id: String,
        /// The step.
        #[sea_orm(primary_key, auto_increment = false)]
        step: i64,
        /// 0 to 10.
        value: f64,
        /// 0 to 1.
        coverage: f64,
        /// Metres.
        jam_m: f64,
    }
}

table! {
    /// What was learnt of how fast segments are driven when nobody is in the way.
    free_flow, "free_flow" {
        /// The segment.
        #[sea_orm(primary_key, auto_increment = false)]
        segment_id: String,
        /// km/h.
        speed_kmh: f64,
    }
}

table! {
    /// How often that changed.
    free_flow_head, "free_flow_head" {
        /// 1: there is one row.
        #[sea_orm(primary_key, auto_increment = false)]
        id: i16,
        /// Grows with every change.
        revision: i64,
    }
}
