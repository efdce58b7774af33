//! Messages from and to the domain.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_kernel::{Actor, Caller, Error, PageRequest, Role, Roles, Violation};
use kvartal_proto::identity::v1 as pb;
use kvartal_proto::time::to_proto;

use crate::application::{ClientToken, Registration, Tokens};
use crate::domain::{
    Account, DisplayName, Email, Locale, MachineClient, Phone, Profile, ProfileChange, Secret, Session, SigningKey,
    TimeZone,
};

/// Gathers what is wrong with a request, so that the caller learns all of it at once.
#[derive(Default)]
struct Check(Vec<Violation>);

impl Check {
    fn take<T>(&mut self, parsed: Result<T, Error>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.extend(error.field_violations().iter().cloned());
                None
            }
        }
    }

    fn error(self) -> Error {
        Error::violations(self.0)
    }
}

impl TryFrom<pb::RegisterRequest> for Registration {
    type Error = Error;

    fn try_from(request: pb::RegisterRequest) -> Result<Self, Error> {
        let pb::RegisterRequest { email, password, display_name, locale, time_zone } = request;
        let mut check = Check::default();
        let email = check.take(Email::parse("email", &email));
        let name = check.take(DisplayName::parse("display_name", &display_name));
        let locale = check.take(Locale::parse("locale", &locale));
        let time_zone = check.take(TimeZone::parse("time_zone", &time_zone));
        match (email, name, locale, time_zone) {
            (Some(email), Some(name), Some(locale), Some(time_zone)) => Ok(Self {
                email,
                password: Secret::new(password),
                profile: Profile { name, locale, time_zone, phone: None },
            }),
            _ => Err(check.error()),
        }
    }
}

/// The change that the mask asks for, and the etag.
pub(super) fn profile_change(request: pb::UpdateProfileRequest) -> Result<(ProfileChange, String), Error> {
    let pb::UpdateProfileRequest { display_name, locale, time_zone, phone, update_mask, etag } = request;
    let paths = update_mask.map(|mask| mask.paths).unwrap_or_default();
    let mut change = ProfileChange::default();
    let mut check = Check::default();
    if paths.is_empty() {
        check.take::<()>(Err(Error::invalid("update_mask", "must name at least one field")));
    }
    for (index, path) in paths.iter().enumerate() {
        match path.as_str() {
            "display_name" => change.name = check.take(DisplayName::parse("display_name", &display_name)),
            "locale" => change.locale = check.take(Locale::parse("locale", &locale)),
            "time_zone" => change.time_zone = check.take(TimeZone::parse("time_zone", &time_zone)),
            "phone" if phone.is_empty() => change.phone = Some(None),
            "phone" => change.phone = check.take(Phone::parse("phone", &phone)).map(Some),
            _ => {
                let field = format!("update_mask.paths[{index}]");
                let known = "must be display_name, locale, time_zone or phone";
                check.take::<()>(Err(Error::invalid(field, known)));
            }
        }
    }
    if check.0.is_empty() { Ok((change, etag)) } else { Err(check.error()) }
}

/// A role that must be one.
pub(super) fn required_role(field: &str, number: i32) -> Result<Role, Error> {
    Role::from_number(number).ok_or_else(|| Error::invalid(field, "must be a role"))
}

/// A role, or none when it is unspecified.
pub(super) fn optional_role(field: &str, number: i32) -> Result<Option<Role>, Error> {
    if number == 0 { Ok(None) } else { required_role(field, number).map(Some) }
}

/// The wanted page of accounts, and the scope its tokens are good for.
pub(super) fn user_page(
    role: Option<Role>,
    query: &str,
    size: u32,
    token: &str,
) -> Result<(PageRequest, String), Error> {
    let scope = format!("users {} {query}", role.map(Role::name).unwrap_or_default());
    Ok((PageRequest::parse(&scope, size, token)?, scope))
}

/// The wanted page of colleagues, and the scope its tokens are good for.
pub(super) fn colleague_page(role: Role, size: u32, token: &str) -> Result<(PageRequest, String), Error> {
    let scope = format!("colleagues {}", role.name());
    Ok((PageRequest::parse(&scope, size, token)?, scope))
}

/// The wanted page of machine clients, and the scope its tokens are good for.
pub(super) fn client_page(size: u32, token: &str) -> Result<(PageRequest, &'static str), Error> {
    let scope = "machine clients";
    Ok((PageRequest::parse(scope, size, token)?, scope))
}

/// A session, as its user sees it.
pub(super) fn session(session: Session, caller: &Caller) -> pb::Session {
    let current = matches!(caller.actor, Actor::User { session: current, .. } if current == session.id.0);
    let expires_at = session.expires_at();
    pb::Session {
        session_id: session.id.to_string(),
        user_agent: session.device.user_agent,
        address: session.device.address,
        create_time: Some(to_proto(session.created_at)),
        last_seen_time: Some(to_proto(session.last_seen_at)),
        expire_time: Some(to_proto(expires_at)),
        current,
    }
}

/// Who somebody is to those who work with them: no address, no telephone.
pub(super) fn colleague(account: Account) -> pb::Colleague {
    pb::Colleague { user_id: account.id.to_string(), display_name: account.profile.name.as_str().to_owned() }
}

/// How to reach a user. An address that was not proved may be somebody else's.
pub(super) fn contact(account: Account) -> pb::GetContactResponse {
    let Profile { name, locale, time_zone, phone: _ } = account.profile;
    pb::GetContactResponse {
        email: if account.email_confirmed { account.email.address().to_owned() } else { String::new() },
        display_name: name.as_str().to_owned(),
        locale: locale.as_str().to_owned(),
        time_zone: time_zone.as_str().to_owned(),
    }
}

impl From<Account> for pb::User {
    fn from(account: Account) -> Self {
        let Profile { name, locale, time_zone, phone } = &account.profile;
        Self {
            user_id: account.id.to_string(),
            email: account.email.address().to_owned(),
            email_confirmed: account.email_confirmed,
            display_name: name.as_str().to_owned(),
            locale: locale.as_str().to_owned(),
            time_zone: time_zone.as_str().to_owned(),
            phone: phone.as_ref().map(|phone| phone.as_str().to_owned()).unwrap_or_default(),
            roles: numbers(account.roles),
            create_time: Some(to_proto(account.created_at)),
            etag: account.version.etag(),
        }
    }
}

impl From<Tokens> for pb::TokenPair {
    fn from(tokens: Tokens) -> Self {
        let Tokens { access, access_expires_at, refresh, refresh_expires_at } = tokens;
        Self {
            access_token: access.expose().to_owned(),
            access_expire_time: Some(to_proto(access_expires_at)),
            refresh_token: refresh.expose().to_owned(),
            refresh_expire_time: Some(to_proto(refresh_expires_at)),
        }
    }
}

impl From<ClientToken> for pb::IssueClientTokenResponse {
    fn from(token: ClientToken) -> Self {
        let ClientToken { access, expires_at } = token;
        Self { access_token: access.expose().to_owned(), expire_time: Some(to_proto(expires_at)) }
    }
}

impl From<MachineClient> for pb::MachineClient {
    fn from(client: MachineClient) -> Self {
        let MachineClient { id, name, roles, secret: _, created_at, deleted_at: _ } = client;
        Self {
            client_id: id.to_string(),
            display_name: name.as_str().to_owned(),
            roles: numbers(roles),
            create_time: Some(to_proto(created_at)),
        }
    }
}

impl From<SigningKey> for pb::Jwk {
    fn from(key: SigningKey) -> Self {
        let SigningKey { kid, public, .. } = key;
        Self {
            kid,
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(public),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
        }
    }
}

fn numbers(roles: Roles) -> Vec<i32> {
    roles.iter().map(|role| role as i32).collect()
}

#[cfg(test)]
mod tests;
