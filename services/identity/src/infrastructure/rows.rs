//! The rows of the tables, and what they mean. Times are microseconds since 1970.
#![expect(unreachable_pub, reason = "the derive macros of sea-orm want public items")]

use kvartal_kernel::{Error, Role, Roles, Timestamp, Version};
use sea_orm::ActiveValue::Set;

use crate::domain::{
    Account, ClientId, Device, DisplayName, Email, Ended, Locale, MachineClient, MailToken, PasswordHash, Phone,
    Profile, RevocationReason, Session, SessionId, SigningKey, TimeZone, TokenHash, UserId,
};

pub(super) mod account {
    //! An account.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        /// The address in lowercase; unique.
        pub email_key: String,
        pub email_confirmed: bool,
        pub password: String,
        pub display_name: String,
        pub locale: String,
        pub time_zone: String,
        pub phone: Option<String>,
        /// One bit for each role.
        pub roles: i32,
        pub generation: i64,
        pub generation_at: i64,
        #[sea_orm(column_type = "Blob", nullable)]
        pub confirmation_hash: Option<Vec<u8>>,
        pub confirmation_expires_at: Option<i64>,
        #[sea_orm(column_type = "Blob", nullable)]
        pub reset_hash: Option<Vec<u8>>,
        pub reset_expires_at: Option<i64>,
        pub created_at: i64,
        pub version: i64,
        /// Name and address in lowercase, a line each.
        pub search_key: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod account_role {
    //! Who holds a role: an index over `account.roles` that both databases can walk in order.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account_role")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub role: i16,
        /// When the account was made.
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod session {
    //! A session.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        /// Hash of the part of the refresh token that stays; unique.
        #[sea_orm(column_type = "Blob")]
        pub family: Vec<u8>,
        /// Hash of the part that works once.
        #[sea_orm(column_type = "Blob")]
        pub turn: Vec<u8>,
        pub user_agent: String,
        pub address: String,
        pub created_at: i64,
        pub last_seen_at: i64,
        pub ended_at: Option<i64>,
        pub reason: Option<i16>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod machine_client {
    //! A machine client.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "machine_client")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub display_name: String,
        /// One bit for each role.
        pub roles: i32,
        #[sea_orm(column_type = "Blob")]
        pub secret: Vec<u8>,
        pub created_at: i64,
        pub deleted_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod signing_key {
    //! A key pair for access tokens.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kid: String,
        #[sea_orm(column_type = "Blob")]
        pub public: Vec<u8>,
        /// The private half, encrypted.
        #[sea_orm(column_type = "Blob")]
        pub sealed: Vec<u8>,
        pub published_at: i64,
        /// [`super::NEXT`] for the next key; unique.
        pub signs_from: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod key_ring {
    //! One row that stands for all signing keys together: who changes any of them locks it.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "key_ring")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i16,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `signs_from` of the next key. A number and no NULL, so that the unique index allows only one.
pub(super) const NEXT: i64 = i64::MAX;

pub(super) fn account_row(account: &Account) -> account::ActiveModel {
    let Account { id, email, email_confirmed, password, profile, roles, generation, .. } = account;
    let Account { generation_at, confirmation, reset, created_at, version, .. } = account;
    let Profile { name, locale, time_zone, phone } = profile;
    let hash = |token: &MailToken| token.hash.as_bytes().to_vec();
    let search_key = search_key(name.as_str(), email.key());
    account::ActiveModel {
        id: Set(id.0),
        email: Set(email.address().to_owned()),
        email_key: Set(email.key().to_owned()),
        email_confirmed: Set(*email_confirmed),
        password: Set(password.as_str().to_owned()),
        display_name: Set(name.as_str().to_owned()),
        locale: Set(locale.as_str().to_owned()),
        time_zone: Set(time_zone.as_str().to_owned()),
        phone: Set(phone.as_ref().map(|phone| phone.as_str().to_owned())),
        roles: Set(roles_number(*roles)),
        generation: Set(*generation),
        generation_at: Set(generation_at.0),
        confirmation_hash: Set(confirmation.as_ref().map(hash)),
        confirmation_expires_at: Set(confirmation.map(|token| token.expires_at.0)),
        reset_hash: Set(reset.as_ref().map(hash)),
        reset_expires_at: Set(reset.map(|token| token.expires_at.0)),
        created_at: Set(created_at.0),
        version: Set(version.0),
        search_key: Set(search_key),
    }
}

/// What accounts are searched by. Databases differ in what they take for the lowercase of a letter; so we make it.
pub(super) fn search_key(name: &str, email_key: &str) -> String {
    format!("{}\n{email_key}", name.to_lowercase())
}

pub(super) fn account_of(row: account::Model) -> Result<Account, Error> {
    Ok(Account {
        id: UserId(row.id),
        email: Email::stored(row.email),
        email_confirmed: row.email_confirmed,
        password: PasswordHash::new(row.password),
        profile: Profile {
            name: DisplayName::stored(row.display_name),
            locale: Locale::parse("locale", &row.locale).map_err(|_| broken("account"))?,
            time_zone: TimeZone::stored(row.time_zone),
            phone: row.phone.map(Phone::stored),
        },
        roles: roles_of(row.roles),
        generation: row.generation,
        generation_at: Timestamp(row.generation_at),
        confirmation: mail_token(row.confirmation_hash, row.confirmation_expires_at)?,
        reset: mail_token(row.reset_hash, row.reset_expires_at)?,
        created_at: Timestamp(row.created_at),
        version: Version(row.version),
    })
}

pub(super) fn role_row(account: &Account, role: Role) -> account_role::ActiveModel {
    account_role::ActiveModel {
        user_id: Set(account.id.0),
        role: Set(role as i16),
        created_at: Set(account.created_at.0),
    }
}

pub(super) fn session_row(session: &Session) -> session::ActiveModel {
    let Session { id, user, family, turn, device, created_at, last_seen_at, ended } = session;
    session::ActiveModel {
        id: Set(id.0),
        user_id: Set(user.0),
        family: Set(family.as_bytes().to_vec()),
        turn: Set(turn.as_bytes().to_vec()),
        user_agent: Set(device.user_agent.clone()),
        address: Set(device.address.clone()),
        created_at: Set(created_at.0),
        last_seen_at: Set(last_seen_at.0),
        ended_at: Set(ended.map(|ended| ended.at.0)),
        reason: Set(ended.map(|ended| ended.reason as i16)),
    }
}

pub(super) fn session_of(row: session::Model) -> Result<Session, Error> {
    let ended = match (row.ended_at, row.reason) {
        (Some(at), Some(reason)) => {
            let reason = RevocationReason::from_number(i32::from(reason)).ok_or_else(|| broken("session"))?;
            Some(Ended { at: Timestamp(at), reason })
        }
        _ => None,
    };
    Ok(Session {
        id: SessionId(row.id),
        user: UserId(row.user_id),
        family: token_hash(&row.family)?,
        turn: token_hash(&row.turn)?,
        device: Device { user_agent: row.user_agent, address: row.address },
        created_at: Timestamp(row.created_at),
        last_seen_at: Timestamp(row.last_seen_at),
        ended,
    })
}

pub(super) fn client_row(client: &MachineClient) -> machine_client::ActiveModel {
    let MachineClient { id, name, roles, secret, created_at, deleted_at } = client;
    machine_client::ActiveModel {
        id: Set(id.0),
        display_name: Set(name.as_str().to_owned()),
        roles: Set(roles_number(*roles)),
        secret: Set(secret.as_bytes().to_vec()),
        created_at: Set(created_at.0),
        deleted_at: Set(deleted_at.map(|at| at.0)),
    }
}

pub(super) fn client_of(row: machine_client::Model) -> Result<MachineClient, Error> {
    Ok(MachineClient {
        id: ClientId(row.id),
        name: DisplayName::stored(row.display_name),
        roles: roles_of(row.roles),
        secret: token_hash(&row.secret)?,
        created_at: Timestamp(row.created_at),
        deleted_at: row.deleted_at.map(Timestamp),
    })
}

pub(super) fn key_row(key: &SigningKey) -> signing_key::ActiveModel {
    let SigningKey { kid, public, sealed, published_at, signs_from } = key;
    signing_key::ActiveModel {
        kid: Set(kid.clone()),
        public: Set(public.to_vec()),
        sealed: Set(sealed.clone()),
        published_at: Set(published_at.0),
        signs_from: Set(signs_from.map_or(NEXT, |from| from.0)),
    }
}

pub(super) fn key_of(row: signing_key::Model) -> Result<SigningKey, Error> {
    Ok(SigningKey {
        kid: row.kid,
        public: row.public.try_into().map_err(|_| broken("signing key"))?,
        sealed: row.sealed,
        published_at: Timestamp(row.published_at),
        signs_from: (row.signs_from != NEXT).then_some(Timestamp(row.signs_from)),
    })
}

fn mail_token(hash: Option<Vec<u8>>, expires_at: Option<i64>) -> Result<Option<MailToken>, Error> {
    match (hash, expires_at) {
        (Some(hash), Some(at)) => Ok(Some(MailToken { hash: token_hash(&hash)?, expires_at: Timestamp(at) })),
        _ => Ok(None),
    }
}

fn token_hash(bytes: &[u8]) -> Result<TokenHash, Error> {
    TokenHash::from_bytes(bytes).ok_or_else(|| broken("token hash"))
}

fn roles_number(roles: Roles) -> i32 {
    roles.bits().cast_signed()
}

fn roles_of(number: i32) -> Roles {
    Roles::from_bits(number.cast_unsigned())
}

fn broken(what: &str) -> Error {
    Error::internal(format!("a stored {what} cannot be read"))
}
