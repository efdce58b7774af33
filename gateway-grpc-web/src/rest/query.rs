//! Query parameters as fields of the request.

use std::collections::BTreeMap;

use kvartal_kernel::Violation;
use percent_encoding::percent_decode;
use prost_reflect::{FieldDescriptor, Kind};
use serde_json::Value;

use super::binding::{Binding, Body, field, named};

/// Most parameters of one request.
pub(crate) const PARAMETERS_MAX: usize = 200;

/// The parameters by name, each with its values in order.
pub(crate) fn parameters(query: &str, violations: &mut Vec<Violation>) -> BTreeMap<String, Vec<String>> {
    let mut parameters = BTreeMap::<_, Vec<_>>::new();
    for (count, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if count == PARAMETERS_MAX {
            let description = format!("takes at most {PARAMETERS_MAX} parameters");
            violations.push(Violation { field: "(query)".to_owned(), description });
            break;
        }
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(text)) {
            (Some(name), Some(text)) => parameters.entry(name).or_default().push(text),
            (name, _) => violations.push(Violation {
                field: name.unwrap_or_else(|| "(query)".to_owned()),
                description: "is no text".to_owned(),
            }),
        }
    }
    parameters
}

/// Undoes percent encoding as forms have it, where a space is a plus.
fn decode(text: &str) -> Option<String> {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The value of a parameter; the error says why there is none.
pub(crate) fn bind(binding: &Binding, name: &str, mut texts: Vec<String>) -> Result<Value, String> {
    let bound = field(&binding.input, name)?;
    let first = named(&binding.input, name.split('.').next().unwrap_or(name));
    match (&binding.body, first) {
        (Body::Message, _) => return Err("belongs into the body".to_owned()),
        (Body::Field(body), Some(first)) if *body == first => return Err("belongs into the body".to_owned()),
        _ => {}
    }
    if binding.template.variables.iter().any(|variable| field(&binding.input, &variable.field).as_ref() == Ok(&bound)) {
        return Err("is in the path already".to_owned());
    }
    if bound.is_map() || !is_textual(&bound.kind()) {
        return Err("has no form as a parameter".to_owned());
    }
    if bound.is_list() {
        return Ok(texts.into_iter().map(|text| value(&bound, text)).collect());
    }
    match (texts.pop(), texts.is_empty()) {
        (Some(text), true) => Ok(value(&bound, text)),
        _ => Err("stands more than once".to_owned()),
    }
}

/// Whether values of the kind can be written as a text.
pub(crate) fn is_textual(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => {
            let name = message.full_name().strip_prefix("google.protobuf.").unwrap_or_default();
            matches!(name, "Timestamp" | "Duration" | "FieldMask") || name.ends_with("Value") && name != "ListValue"
        }
        _ => true,
    }
}

/// A text as JSON would have it. Numbers may stay texts, proto3 JSON reads both; booleans and numbers of enum values may
/// not.
pub(crate) fn value(field: &FieldDescriptor, text: String) -> Value {
    let boolean = match field.kind() {
        Kind::Bool => true,
        Kind::Message(message) => message.full_name() == "google.protobuf.BoolValue",
        _ => false,
    };
    match (field.kind(), text.as_str()) {
        (_, "true") if boolean => Value::Bool(true),
        (_, "false") if boolean => Value::Bool(false),
        (Kind::Enum(_), number) => number.parse::<i32>().map_or(Value::String(text), Value::from),
        _ => Value::String(text),
    }
}
