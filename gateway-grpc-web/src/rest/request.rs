//! From path, query and body to the request message. All three become one JSON object first, which is then read as proto3
//! JSON: so there is one way a value is read, wherever it stands, and one way its faults are told.

use kvartal_kernel::Violation;
use kvartal_proto::codec::invalid;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::Status;

use super::binding::{Binding, Body, field, named};
use super::query;

/// Most wrong fields that one answer names, as everywhere in the platform.
const VIOLATIONS_MAX: usize = kvartal_proto::check::LIMIT;

/// Most values in one body. A value read takes sixteen times the two bytes that it can be written in: without a bound, ten
/// megabytes of them would take a gigabyte when six come at once. The largest request of the platform has 15,000.
pub(crate) const VALUES_MAX: usize = 100_000;

/// The request message. `segments` are the path's, `query` is what follows `?`.
pub(crate) fn read(
    binding: &Binding,
    segments: &[&str],
    query: Option<&str>,
    body: &[u8],
) -> Result<DynamicMessage, Status> {
    let mut violations = Vec::new();
    let mut object = match (&binding.body, body.is_empty()) {
        (Body::None, false) => return Err(one("(body)", "this request takes none")),
        (_, true) => Map::new(),
        (Body::Message, false) => match parse(body)? {
            Value::Object(object) => object,
            other => return Err(one("(body)", format!("must be a JSON object, not {}", kind_of(&other)))),
        },
        (Body::Field(field), false) => Map::from_iter([(field.name().to_owned(), parse(body)?)]),
    };
    let values = binding.template.values(segments).map_err(|_| one("(path)", "is no text"))?;
    for (name, text) in values {
        if let Ok(field) = field(&binding.input, name) {
            put_path(&mut object, &binding.input, name, query::value(&field, text), &mut violations);
        }
    }
    for (name, texts) in query::parameters(query.unwrap_or_default(), &mut violations) {
        match query::bind(binding, &name, texts) {
            Ok(value) => put(&mut object, &name, value),
            Err(description) => violations.push(Violation { field: name, description }),
        }
    }
    unknown(&binding.input, &object, "", &mut violations);
    if !violations.is_empty() {
        violations.truncate(VIOLATIONS_MAX);
        return Err(invalid(violations));
    }
    deserialize(&binding.input, Value::Object(object))
}

fn one(field: &str, description: impl Into<String>) -> Status {
    invalid(vec![Violation { field: field.to_owned(), description: description.into() }])
}

/// Reads JSON; what is none is told with line and column. It nests at most 128 deep: serde_json's own limit.
fn parse(body: &[u8]) -> Result<Value, Status> {
    // Those within texts are counted as well; texts that long are in no request.
    if body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > VALUES_MAX {
        return Err(one("(body)", format!("holds more than {VALUES_MAX} values")));
    }
    serde_json::from_slice(body).map_err(|error| one("(body)", format!("is no JSON: {error}")))
}

fn deserialize(message: &MessageDescriptor, value: Value) -> Result<DynamicMessage, Status> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    DynamicMessage::deserialize(message.clone(), tracked).map_err(|error| {
        let path = track.path().to_string();
        one(if path == "." { "(message)" } else { &path }, error.to_string())
    })
}

/// Puts what the path says into the object. The body may say the same, but nothing else.
fn put_path(
    object: &mut Map<String, Value>,
    message: &MessageDescriptor,
    path: &str,
    value: Value,
    violations: &mut Vec<Violation>,
) {
    let mut given = Some(&*object);
    let mut said = None;
    let mut inside = message.clone();
    for name in path.split('.') {
        let Some(field) = named(&inside, name) else { return };
        said = given.and_then(|object| object.get(field.name()).or_else(|| object.get(field.json_name())));
        given = said.and_then(Value::as_object);
        if let Kind::Message(next) = field.kind() {
            inside = next;
        }
    }
    match said.filter(|other| !other.is_null()) {
        None => put(object, path, value),
        Some(other) if text_of(other) == text_of(&value) => {}
        Some(_) => {
            let description = "the body says something else than the path".to_owned();
            violations.push(Violation { field: path.to_owned(), description });
        }
    }
}

/// A single value as a path would have it: proto3 JSON writes numbers both ways.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts a value at a path such as `filter.area_id`, making the objects on the way. What is there already and no object is
/// left alone: reading it tells what is wrong with it.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = object.insert(path.to_owned(), value),
        Some((first, rest)) => {
            let inner = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Finds every member that is no field, and every field that is there under both its names.
fn unknown(message: &MessageDescriptor, object: &Map<String, Value>, at: &str, violations: &mut Vec<Violation>) {
    let place = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    for (name, value) in object {
        let Some(field) = named(message, name) else {
            violations.push(Violation { field: place(name), description: "there is no such field".to_owned() });
            continue;
        };
        if name != field.name() && object.contains_key(field.name()) {
            let description = format!("is the same field as {}", field.name());
            violations.push(Violation { field: place(name), description });
        }
        let Some(inner) = plain_message(&field) else { continue };
        match value {
            Value::Object(object) if !field.is_list() => unknown(&inner, object, &place(name), violations),
            Value::Array(items) if field.is_list() => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Object(object) = item {
                        unknown(&inner, object, &format!("{}[{index}]", place(name)), violations);
                    }
                }
            }
            _ => {}
        }
        if violations.len() >= VIOLATIONS_MAX {
            return;
        }
    }
}

/// The message in a field whose members in JSON are its fields: maps and Google's own types have a form of their own.
fn plain_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) if !field.is_map() && !message.full_name().starts_with("google.protobuf.") => {
            Some(message)
        }
        _ => None,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
