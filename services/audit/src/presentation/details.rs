//! What an event says, as one line of text without personal and secret fields.

use std::fmt::Write as _;

use kvartal_contract::Contract;
use kvartal_events::Event;
use prost_reflect::{DynamicMessage, Kind, MapKey, Value};

/// The event's message, whatever it is; `None` when this build does not know it or it is broken.
pub(super) fn decode(event: &Event) -> Option<DynamicMessage> {
    let descriptor = kvartal_proto::contract().pool().get_message_by_name(&event.kind)?;
    DynamicMessage::decode(descriptor, event.payload.clone()).ok()
}

/// The text in a field; empty when the message has no such field.
pub(super) fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `field=value` for every field that is set, in the order of the field numbers, joined by `; `. Left out are personal
/// and secret fields, at any depth, and the top fields named in `elsewhere`.
pub(super) fn details(message: &DynamicMessage, elsewhere: &[&str]) -> String {
    let mut out = String::new();
    for (field, value) in message.fields() {
        if !elsewhere.contains(&field.name()) && !Contract::is_sensitive(&field) {
            write_value(&mut out, field.name(), &field.kind(), value);
        }
    }
    out
}

fn write_value(out: &mut String, path: &str, kind: &Kind, value: &Value) {
    match value {
        Value::Message(message) => {
            for (field, value) in message.fields().filter(|(field, _)| !Contract::is_sensitive(field)) {
                write_value(out, &format!("{path}.{}", field.name()), &field.kind(), value);
            }
        }
        Value::List(values) => {
            for (index, value) in values.iter().enumerate() {
                write_value(out, &format!("{path}[{index}]"), kind, value);
            }
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let value_kind = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
            for (key, value) in entries {
                let key = match key {
                    MapKey::String(key) => escaped(key),
                    MapKey::Bool(key) => key.to_string(),
                    MapKey::I32(key) => key.to_string(),
                    MapKey::I64(key) => key.to_string(),
                    MapKey::U32(key) => key.to_string(),
                    MapKey::U64(key) => key.to_string(),
                };
                write_value(out, &format!("{path}[{key}]"), value_kind.as_ref().unwrap_or(kind), value);
            }
        }
        Value::EnumNumber(number) => {
            let name = kind.as_enum().and_then(|kind| kind.get_value(*number)).map(|value| value.name().to_owned());
            write_pair(out, path, &name.unwrap_or_else(|| number.to_string()));
        }
        Value::Bool(value) => write_pair(out, path, &value.to_string()),
        Value::I32(value) => write_pair(out, path, &value.to_string()),
        Value::I64(value) => write_pair(out, path, &value.to_string()),
        Value::U32(value) => write_pair(out, path, &value.to_string()),
        Value::U64(value) => write_pair(out, path, &value.to_string()),
        Value::F32(value) => write_pair(out, path, &value.to_string()),
        Value::F64(value) => write_pair(out, path, &value.to_string()),
        Value::String(value) => write_pair(out, path, &escaped(value)),
        Value::Bytes(value) => write_pair(out, path, &format!("{} bytes", value.len())),
    }
}

fn write_pair(out: &mut String, path: &str, value: &str) {
    let separator = if out.is_empty() { "" } else { "; " };
    // Writing to a String cannot fail.
    let _ = write!(out, "{separator}{path}={value}");
}

/// `%`, `;`, `=` and control characters as `%XX`, so that a text cannot pass for another field.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | ';' | '=') || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests;
