//! The tables as sea-orm sees them.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

/// `followed_areas`: what people follow.
pub(crate) mod followed {
    use sea_orm::entity::prelude::*;

    /// One area of one person.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "followed_areas")]
    pub struct Model {
        /// UUIDv7.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// Who follows it.
        pub user_id: Uuid,
        /// What it is called.
        pub name: String,
        /// What the same place has again and no other has.
        pub place_key: String,
        /// Where it is, JSON.
        pub place: String,
        /// The box around it, degrees.
        pub south: f64,
        /// Western edge.
        pub west: f64,
        /// Northern edge.
        pub north: f64,
        /// Eastern edge.
        pub east: f64,
        /// One bit for each topic.
        pub topics: i16,
        /// Microseconds since 1970.
        pub create_time: i64,
        /// How often it changed.
        pub version: i64,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `area_news`: what happened in followed areas, until some time after it was told.
pub(crate) mod news {
    use sea_orm::entity::prelude::*;

    /// One thing in one area.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "area_news")]
    pub struct Model {
        /// The followed area.
        #[sea_orm(primary_key, auto_increment = false)]
        pub area_id: Uuid,
        /// Number of the kind.
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: i16,
        /// The thing itself.
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        /// Where it is, as far as happening again goes.
        pub spot: String,
        /// What people would call it.
        pub line: String,
        /// Path on the page.
        pub link: String,
        /// Microseconds since 1970.
        pub create_time: i64,
        /// When it was told, microseconds since 1970.
        pub told_time: Option<i64>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `area_messages`: when the next message of a kind about an area is due.
pub(crate) mod message {
    use sea_orm::entity::prelude::*;

    /// One kind in one area.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "area_messages")]
    pub struct Model {
        /// The followed area.
        #[sea_orm(primary_key, auto_increment = false)]
        pub area_id: Uuid,
        /// Number of the kind.
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: i16,
        /// When what was gathered is ready to be told; none when nothing was gathered.
        pub ready_time: Option<i64>,
        /// Nothing is told before this time.
        pub quiet_until: i64,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
