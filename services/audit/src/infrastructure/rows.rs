//! The tables as sea-orm sees them.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

/// `audit_records`: one row for each record; nothing changes or deletes one.
pub(crate) mod record {
    use sea_orm::entity::prelude::*;

    /// One record.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_records")]
    pub struct Model {
        /// 1, 2, 3, …
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        /// The event; unique.
        pub event_id: Uuid,
        /// Event type.
        pub kind: String,
        /// Service.
        pub source: String,
        /// Who.
        pub actor_id: String,
        /// What it was done to.
        pub subject: String,
        /// Microseconds since 1970.
        pub time: i64,
        /// RPC path.
        pub method: String,
        /// gRPC status.
        pub outcome: String,
        /// W3C trace id.
        pub trace_id: String,
        /// What else the event said.
        pub details: String,
        /// Hash of the record before.
        pub previous_hash: String,
        /// Hash of this record.
        pub hash: String,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `audit_head`: one row that names the newest record.
pub(crate) mod head {
    use sea_orm::entity::prelude::*;

    /// The head.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub struct Model {
        /// Always 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        /// Number of the newest record.
        pub sequence: i64,
        /// Its hash.
        pub hash: String,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
