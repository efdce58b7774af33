//! The shapes that repeat in Envoy's configuration.

use std::time::Duration;

use serde_json::{Value, json};

/// A message of a named type, as `Any` has it.
pub(super) fn typed(kind: &str, mut fields: Value) -> Value {
    fields["@type"] = json!(format!("type.googleapis.com/{kind}"));
    fields
}

/// An extension with its configuration.
pub(super) fn extension(name: &str, kind: &str, fields: Value) -> Value {
    json!({ "name": name, "typed_config": typed(kind, fields) })
}

/// `1.5s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

/// A header that is set whatever was there.
pub(super) fn overwrite(name: &str, value: &str) -> Value {
    json!({ "header": { "key": name, "value": value }, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD" })
}

/// A header that is set where there is none.
pub(super) fn default_header(name: &str, value: &str) -> Value {
    json!({ "header": { "key": name, "value": value }, "append_action": "ADD_IF_ABSENT" })
}
