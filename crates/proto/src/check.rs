//! The checks behind the input rules of the contract.

use std::fmt;

use kvartal_kernel::{Timestamp, Uuid, Violation};
use regex::Regex;

/// What was found wrong; at most [`LIMIT`] are kept, so that a large bad request does not make a larger answer.
pub type Violations = Vec<Violation>;

/// Most violations that one answer names.
pub const LIMIT: usize = 20;

/// A message with input rules. Implementations are generated.
pub trait Checked {
    /// Whether it is a request, which is checked when decoded.
    const INBOUND: bool;

    /// Adds what breaks the rules. `at` is where the message stands in the request.
    fn check(&self, at: At<'_>, out: &mut Violations);
}

/// Where in a request: costs nothing until it is written out.
#[derive(Clone, Copy)]
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    field: &'static str,
    index: Option<usize>,
}

impl<'a> At<'a> {
    /// The request itself.
    pub const ROOT: At<'static> = At { parent: None, field: "", index: None };

    /// A field of it.
    pub fn field(&'a self, field: &'static str) -> At<'a> {
        At { parent: Some(self), field, index: None }
    }

    /// An item of a repeated field of it.
    pub fn field_item(&'a self, field: &'static str, index: usize) -> At<'a> {
        At { parent: Some(self), field, index: Some(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent
            && parent.parent.is_some()
        {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.field)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

fn wrong(at: At<'_>, out: &mut Violations, description: impl Into<String>) {
    if out.len() < LIMIT {
        out.push(Violation { field: at.to_string(), description: description.into() });
    }
}

/// The value that a field has when nobody sets it.
pub(crate) fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(crate) fn required(set: bool, at: At<'_>, out: &mut Violations) {
    if !set {
        wrong(at, out, "is required");
    }
}

pub(crate) fn min_items(count: usize, least: usize, at: At<'_>, out: &mut Violations) {
    if count < least {
        wrong(at, out, format!("needs at least {least} items, has {count}"));
    }
}

pub(crate) fn max_items(count: usize, most: usize, at: At<'_>, out: &mut Violations) {
    if count > most {
        wrong(at, out, format!("takes at most {most} items, has {count}"));
    }
}

pub(crate) fn min_chars(text: &str, least: usize, at: At<'_>, out: &mut Violations) {
    let count = text.chars().count();
    if count < least {
        wrong(at, out, format!("needs at least {least} characters, has {count}"));
    }
}

pub(crate) fn max_chars(text: &str, most: usize, at: At<'_>, out: &mut Violations) {
    if text.len() > most {
        let count = text.chars().count();
        if count > most {
            wrong(at, out, format!("takes at most {most} characters, has {count}"));
        }
    }
}

pub(crate) fn min_bytes(bytes: &[u8], least: usize, at: At<'_>, out: &mut Violations) {
    if bytes.len() < least {
        wrong(at, out, format!("needs at least {least} bytes, has {}", bytes.len()));
    }
}

pub(crate) fn max_bytes(bytes: &[u8], most: usize, at: At<'_>, out: &mut Violations) {
    if bytes.len() > most {
        wrong(at, out, format!("takes at most {most} bytes, has {}", bytes.len()));
    }
}

pub(crate) fn one_of(text: &str, allowed: &[&str], at: At<'_>, out: &mut Violations) {
    if !allowed.contains(&text) {
        let allowed: Vec<_> = allowed.iter().filter(|text| !text.is_empty()).copied().collect();
        wrong(at, out, format!("must be one of {}", allowed.join(", ")));
    }
}

/// Enough of RFC 5321 to catch slips: the confirmation mail is the proof.
pub(crate) fn email(text: &str, at: At<'_>, out: &mut Violations) {
    let good = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && local.len() <= 64
            && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && domain.split('.').count() > 1
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
    });
    if !good {
        wrong(at, out, "must be an e-mail address");
    }
}

pub(crate) fn uuid(text: &str, at: At<'_>, out: &mut Violations) {
    if text.len() != 36 || Uuid::try_parse(text).is_err() {
        wrong(at, out, "must be a UUID");
    }
}

pub(crate) fn pattern(text: &str, regex: Option<&Regex>, pattern: &str, at: At<'_>, out: &mut Violations) {
    if !regex.is_some_and(|regex| regex.is_match(text)) {
        wrong(at, out, format!("must match {pattern}"));
    }
}

pub(crate) fn finite(number: f64, at: At<'_>, out: &mut Violations) {
    if !number.is_finite() {
        wrong(at, out, "must be a finite number");
    }
}

pub(crate) fn at_least<T: PartialOrd + fmt::Display>(number: T, least: T, at: At<'_>, out: &mut Violations) {
    if number < least {
        wrong(at, out, format!("must be at least {least}"));
    }
}

pub(crate) fn at_most<T: PartialOrd + fmt::Display>(number: T, most: T, at: At<'_>, out: &mut Violations) {
    if number > most {
        wrong(at, out, format!("must be at most {most}"));
    }
}

pub(crate) fn not_in(number: i32, refused: &[i32], at: At<'_>, out: &mut Violations) {
    if refused.contains(&number) {
        let description = if number == 0 { "is required".into() } else { format!("may not be {number}") };
        wrong(at, out, description);
    }
}

pub(crate) fn defined(known: bool, at: At<'_>, out: &mut Violations) {
    if !known {
        wrong(at, out, "must be a value that the contract defines");
    }
}

impl Checked for prost_types::Timestamp {
    const INBOUND: bool = false;

    fn check(&self, at: At<'_>, out: &mut Violations) {
        if Timestamp::from_parts(self.seconds, self.nanos).is_none() {
            wrong(at, out, "must be a time between the years 1 and 9999");
        }
    }
}
