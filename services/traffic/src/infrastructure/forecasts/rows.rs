//! The tables of forecasts as sea-orm sees them. Steps are five minutes, counted from 1970.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

/// `forecast_issue`: what all models said about a detector.
pub mod issue {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "forecast_issue")]
    pub struct Model {
        /// The step that it was made from.
        #[sea_orm(primary_key, auto_increment = false)]
        pub origin: i64,
        /// The detector.
        #[sea_orm(primary_key, auto_increment = false)]
        pub detector_id: String,
        /// Its last value then, km/h.
        pub last: f64,
        /// JSON: by model, twelve values, km/h.
        pub forecasts: String,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `forecast_tally`: errors by day, model and horizon.
pub mod tally {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "forecast_tally")]
    pub struct Model {
        /// Days since 1970.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i64,
        /// The model.
        #[sea_orm(primary_key, auto_increment = false)]
        pub model: String,
        /// Steps ahead.
        #[sea_orm(primary_key, auto_increment = false)]
        pub horizon: i16,
        /// How many.
        pub count: i64,
        /// Sum of sizes, km/h.
        pub absolute: f64,
        /// Sum of squares.
        pub squared: f64,
        /// Sum of sizes of the last value's errors.
        pub naive: f64,
        /// How often there was an interval.
        pub intervals: i64,
        /// How often it held.
        pub covered: i64,
        /// JSON: bins with counts.
        pub bins: String,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `forecast_head`: how far forecasts are; one row.
pub mod head {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "forecast_head")]
    pub struct Model {
        /// Always 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i16,
        /// Grows with every change.
        pub version: i64,
        /// The last origin that was forecast from.
        pub issued: Option<i64>,
        /// The last origin that was compared.
        pub scored: Option<i64>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
