//! What a person tells about themselves.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_kernel::Error;
use sha2::{Digest, Sha256};

/// An e-mail address. The domain is lowercased; two addresses are the same when they differ in case only.
#[derive(Clone)]
pub struct Email {
    address: String,
    key: String,
}

impl Email {
    /// Reads an address; `field` names the input in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid(field, "must be an e-mail address");
        let (local, domain) = text.trim().rsplit_once('@').ok_or_else(wrong)?;
        let odd = |part: &str| part.is_empty() || part.chars().any(|c| c.is_whitespace() || c.is_control());
        if odd(local) || odd(domain) || local.len() + domain.len() > 253 {
            return Err(wrong());
        }
        let address = format!("{local}@{}", domain.to_lowercase());
        Ok(Self { key: address.to_lowercase(), address })
    }

    /// From storage, where only addresses that were read before are.
    pub fn stored(address: String) -> Self {
        Self { key: address.to_lowercase(), address }
    }

    /// Where to send mail.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What is unique: the whole address in lowercase.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Names the address, as in keys of counters and jobs, without telling it.
    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(&Sha256::digest(&self.key)[..16])
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

impl fmt::Debug for Email {
    /// Personal, so not in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email")
    }
}

/// The name shown to others: 1 to 80 characters, nothing invisible.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Reads a name; `field` names the input in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > 80 {
            return Err(Error::invalid(field, "must have 1 to 80 characters"));
        }
        if name.chars().any(char::is_control) {
            return Err(Error::invalid(field, "must not contain control characters"));
        }
        Ok(Self(name.to_owned()))
    }

    /// From storage, where only names that were read before are.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DisplayName {
    /// Personal, so not in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName")
    }
}

/// A language of the platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Locale {
    /// Russian.
    #[default]
    Ru,
    /// English.
    En,
}

impl Locale {
    /// Reads `ru` or `en`; empty means `ru`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text {
            "" | "ru" => Ok(Self::Ru),
            "en" => Ok(Self::En),
            _ => Err(Error::invalid(field, "must be `ru` or `en`")),
        }
    }

    /// `ru` or `en`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }
}

/// Name of an IANA time zone. Only its form is checked: the list of zones changes more often than this program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimeZone(String);

impl TimeZone {
    /// Reads a name such as `Europe/Moscow`, `America/Argentina/Salta` or `UTC`; empty means `Europe/Moscow`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        if text.len() > 64 || parts.len() > 3 || !parts.into_iter().all(part) {
            return Err(Error::invalid(field, "must be the name of a time zone, such as Europe/Moscow"));
        }
        Ok(Self(text.to_owned()))
    }

    /// From storage, where only names that were read before are.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self("Europe/Moscow".to_owned())
    }
}

/// A telephone number in E.164.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Reads a number such as `+79161234567`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let right = (7..=15).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_digit())
            && !digits.starts_with('0');
        if right { Ok(Self(text.to_owned())) } else { Err(Error::invalid(field, "must be like +79161234567")) }
    }

    /// From storage, where only numbers that were read before are.
    pub fn stored(number: String) -> Self {
        Self(number)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    /// Personal, so not in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone")
    }
}

/// What a person tells about themselves and may change at will.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Shown to others.
    pub name: DisplayName,
    /// The person's language.
    pub locale: Locale,
    /// The person's time zone.
    pub time_zone: TimeZone,
    /// How to call them, when given.
    pub phone: Option<Phone>,
}

/// The parts of a profile to change; `None` leaves a part as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfileChange {
    /// New name.
    pub name: Option<DisplayName>,
    /// New language.
    pub locale: Option<Locale>,
    /// New time zone.
    pub time_zone: Option<TimeZone>,
    /// New telephone; `Some(None)` removes it.
    pub phone: Option<Option<Phone>>,
}

impl Profile {
    /// With the changes applied.
    pub fn with(&self, change: ProfileChange) -> Self {
        let ProfileChange { name, locale, time_zone, phone } = change;
        Self {
            name: name.unwrap_or_else(|| self.name.clone()),
            locale: locale.unwrap_or(self.locale),
            time_zone: time_zone.unwrap_or_else(|| self.time_zone.clone()),
            phone: phone.unwrap_or_else(|| self.phone.clone()),
        }
    }
}
