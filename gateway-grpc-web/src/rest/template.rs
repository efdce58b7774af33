//! Path templates of `google.api.http`, read once.
//!
//! ```text
//! Template = "/" Segments [ ":" LITERAL ]
//! Segments = Segment { "/" Segment }
//! Segment  = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
//! ```

use std::ops::Range;

use percent_encoding::percent_decode_str;

/// Characters that keep their encoding where a variable spans several segments: decoded, they could be taken for the
/// borders between segments (RFC 6570, section 1.5; the rule of `google.api.http`).
const RESERVED: &[u8] = b":/?#[]@!$&'()*+,;=";

/// One segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Segment {
    /// Exactly this, decoded.
    Literal(String),
    /// `*`: any one segment that is not empty.
    One,
    /// `**`: all that follows, even nothing. Only at the end.
    Rest,
}

/// A request field that the path fills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Variable {
    /// Its name: `report_id`, or `filter.area_id` for a field of a field.
    pub(crate) field: String,
    /// The segments it spans.
    pub(crate) segments: Range<usize>,
}

/// A template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    /// `grantRole` of `/v1/users/{user_id}:grantRole`.
    pub(crate) verb: Option<String>,
    pub(crate) variables: Vec<Variable>,
}

/// A path that is no text once it is decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotText;

impl Template {
    /// Reads a template; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("a path begins with /")?;
        // The last colon outside of braces begins the verb.
        let (path, verb) = match rest.rfind([':', '}', '/']) {
            Some(at) if rest.as_bytes()[at] == b':' => (&rest[..at], Some(literal(&rest[at + 1..])?)),
            _ => (rest, None),
        };
        let mut template = Self { segments: Vec::new(), verb, variables: Vec::new() };
        let mut left = path;
        loop {
            left = template.segment(left)?;
            match left.strip_prefix('/') {
                Some(next) => left = next,
                None if left.is_empty() => break,
                None => return Err(format!("expected / before {left:?}")),
            }
        }
        let last = template.segments.len() - 1;
        if template.segments[..last].contains(&Segment::Rest) {
            return Err("** stands only at the end".to_owned());
        }
        Ok(template)
    }

    /// Takes one segment, or one variable, from the front.
    fn segment<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let Some(inside) = text.strip_prefix('{') else {
            let end = text.find('/').unwrap_or(text.len());
            self.segments.push(plain(&text[..end])?);
            return Ok(&text[end..]);
        };
        let (inside, rest) = inside.split_once('}').ok_or("{ is not closed")?;
        let (field, pattern) = inside.split_once('=').unwrap_or((inside, "*"));
        if !field.split('.').all(is_identifier) {
            return Err(format!("{field:?} names no field"));
        }
        if self.variables.iter().any(|variable| variable.field == field) {
            return Err(format!("{field} stands twice"));
        }
        let start = self.segments.len();
        for segment in pattern.split('/') {
            self.segments.push(plain(segment)?);
        }
        self.variables.push(Variable { field: field.to_owned(), segments: start..self.segments.len() });
        Ok(rest)
    }

    /// What the variables are in a path that matches, `segments` being its parts as they came. Several segments are one
    /// value, in which reserved characters stay encoded.
    pub(crate) fn values<'a>(&'a self, segments: &[&str]) -> Result<Vec<(&'a str, String)>, NotText> {
        let open = self.segments.last() == Some(&Segment::Rest);
        let end = |range: &Range<usize>| {
            if open && range.end == self.segments.len() { segments.len() } else { range.end }
        };
        self.variables
            .iter()
            .map(|variable| {
                let parts = &segments[variable.segments.start..end(&variable.segments)];
                let single = self.segments[variable.segments.clone()] == [Segment::One];
                let value = if single { decode(parts[0])? } else { decode_unreserved(&parts.join("/"))? };
                Ok((variable.field.as_str(), value))
            })
            .collect()
    }
}

fn plain(text: &str) -> Result<Segment, String> {
    match text {
        "*" => Ok(Segment::One),
        "**" => Ok(Segment::Rest),
        _ => literal(text).map(Segment::Literal),
    }
}

fn literal(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a segment is empty".to_owned());
    }
    if let Some(strange) = text.chars().find(|c| c.is_whitespace() || "{}*=?#:/".contains(*c)) {
        return Err(format!("{strange:?} may not stand in {text:?}"));
    }
    decode(text).map_err(|NotText| format!("{text:?} is no text"))
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Undoes percent encoding.
pub(crate) fn decode(text: &str) -> Result<String, NotText> {
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| NotText)
}

/// Undoes percent encoding of all but the reserved characters.
fn decode_unreserved(text: &str) -> Result<String, NotText> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let value = match (bytes[at], bytes.get(at + 1..at + 3)) {
            (b'%', Some(&[high, low])) => hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match value {
            Some(byte) if !RESERVED.contains(&byte) => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).map_err(|_| NotText)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
