//! The tables as sea-orm sees them. Ids of nobody are nil, so that unique indexes count them.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

/// `notifications`: what inbox lines and mails are made of.
pub(crate) mod notification {
    use sea_orm::entity::prelude::*;

    /// One notice to one receiver.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notifications")]
    pub struct Model {
        /// UUIDv7.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The event it is about.
        pub event_id: Uuid,
        /// The receiver; nil for an address without an account.
        pub user_id: Uuid,
        /// Number of the kind.
        pub kind: i16,
        /// What it is about.
        pub subject: String,
        /// Path on the page.
        pub link: String,
        /// JSON object of texts.
        pub data: String,
        /// Place in the inbox; 0 outside.
        pub sequence: i64,
        /// Out of sight.
        pub archived: bool,
        /// Microseconds since 1970.
        pub create_time: i64,
        /// Microseconds since 1970.
        pub read_time: Option<i64>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `inboxes`: one row for each receiver; locked by everything that changes the inbox, so that places are given out in
/// the order of the commits.
pub(crate) mod inbox {
    use sea_orm::entity::prelude::*;

    /// One inbox.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inboxes")]
    pub struct Model {
        /// The receiver.
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        /// Place of the newest notification.
        pub last_sequence: i64,
        /// How many are unread.
        pub unread_count: i64,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `deliveries`: one row for each event, receiver and channel.
pub(crate) mod delivery {
    use sea_orm::entity::prelude::*;

    /// One delivery.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "deliveries")]
    pub struct Model {
        /// UUIDv7.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// What is delivered.
        pub notification_id: Uuid,
        /// The event it is about.
        pub event_id: Uuid,
        /// The receiver; nil for an address without an account.
        pub user_id: Uuid,
        /// Number of the kind.
        pub kind: i16,
        /// Number of the channel.
        pub channel: i16,
        /// Number of the state.
        pub state: i16,
        /// Attempts begun.
        pub attempt_count: i32,
        /// Why the last one failed.
        pub last_error: String,
        /// Microseconds since 1970.
        pub create_time: i64,
        /// Microseconds since 1970.
        pub attempt_time: Option<i64>,
        /// Microseconds since 1970.
        pub next_attempt_time: Option<i64>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `mail_confidences`: addresses and tokens of mails that have not arrived yet; nothing else holds them.
pub(crate) mod confidence {
    use sea_orm::entity::prelude::*;

    /// What one delivery keeps in confidence.
    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_confidences")]
    pub struct Model {
        /// The delivery.
        #[sea_orm(primary_key, auto_increment = false)]
        pub delivery_id: Uuid,
        /// Where to; `None` for the account's address.
        pub email: Option<String>,
        /// How to address the person.
        pub display_name: String,
        /// `ru` or `en`.
        pub locale: String,
        /// JSON object of texts.
        pub secrets: String,
        /// Microseconds since 1970.
        pub expire_time: Option<i64>,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Model").field("delivery_id", &self.delivery_id).finish_non_exhaustive()
        }
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `preferences`: what people chose.
pub(crate) mod preference {
    use sea_orm::entity::prelude::*;

    /// One person's choice for one kind.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "preferences")]
    pub struct Model {
        /// Whose.
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        /// Number of the kind.
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: i16,
        /// Shown in the inbox.
        pub in_app: bool,
        /// Sent by mail.
        pub email: bool,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `mail_outbox`: the last mails of an installation without a mail server.
pub(crate) mod outbox {
    use sea_orm::entity::prelude::*;

    /// One mail.
    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_outbox")]
    pub struct Model {
        /// The delivery.
        #[sea_orm(primary_key, auto_increment = false)]
        pub delivery_id: Uuid,
        /// Microseconds since 1970.
        pub create_time: i64,
        /// Where to.
        pub recipient: String,
        /// Subject line.
        pub subject: String,
        /// Plain text.
        pub body: String,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Model").field("delivery_id", &self.delivery_id).finish_non_exhaustive()
        }
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
