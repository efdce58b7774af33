//! Messages as JSON Schemas, by the proto3 JSON mapping and the input rules of the contract.

use std::collections::{BTreeMap, BTreeSet};

use kvartal_contract::rules::{self, Check, FieldRules};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::super::field_name;
use super::comments::Comments;

/// The schema of every error.
pub(super) const ERROR: &str = "google.rpc.Status";

/// Collects the schemas that are referred to.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    done: BTreeMap<String, Value>,
    named: BTreeSet<String>,
}

/// A reference to a schema of the document.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

impl<'a> Schemas<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        let done = BTreeMap::from([(ERROR.to_owned(), error())]);
        Self { comments, done, named: BTreeSet::from([ERROR.to_owned()]) }
    }

    /// All of them, by name.
    pub(super) fn finish(self) -> BTreeMap<String, Value> {
        self.done
    }

    /// The comment of a message.
    pub(super) fn about(&self, message: &MessageDescriptor) -> &'a str {
        self.comments.of(&message.parent_file(), message.path())
    }

    /// The comment of a field.
    pub(super) fn about_field(&self, field: &FieldDescriptor) -> &'a str {
        self.comments.of(&field.parent_file(), field.path())
    }

    /// The schema of a message.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let name = message.full_name();
        if self.named.insert(name.to_owned()) {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for field in message.fields() {
                properties.insert(field_name(&field).to_owned(), self.field(&field));
                if rules::read(&field).is_ok_and(|rules| rules.required) {
                    required.push(field_name(&field).to_owned());
                }
            }
            let mut schema = json!({ "type": "object", "description": self.about(message), "properties": properties });
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            self.done.insert(name.to_owned(), schema);
        }
        reference(name)
    }

    /// The schema of a field, with its comment.
    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = self.bare_field(field);
        let about = self.about_field(field);
        if !about.is_empty() {
            schema["description"] = json!(about);
        }
        schema
    }

    /// The schema of a field.
    pub(super) fn bare_field(&mut self, field: &FieldDescriptor) -> Value {
        // The build has read the rules already.
        let rules = rules::read(field).unwrap_or_default();
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let mut schema = json!({ "type": "object" });
            schema["additionalProperties"] = self.kind(&entry.map_entry_value_field().kind());
            bound(&mut schema, "minProperties", "maxProperties", &rules);
            return schema;
        }
        let mut schema = self.kind(&field.kind());
        // What may be left empty would break the other rules.
        if !rules.ignore_empty {
            rules.checks.iter().for_each(|check| restrict(&mut schema, check));
        }
        if field.is_list() {
            let mut list = json!({ "type": "array", "items": schema });
            bound(&mut list, "minItems", "maxItems", &rules);
            return list;
        }
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "format": "int64" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Message(message) => self.message(message),
            Kind::Enum(kind) => self.enumeration(kind),
        }
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> Value {
        let name = kind.full_name();
        if self.named.insert(name.to_owned()) {
            let about = |file, path: &[i32]| self.comments.of(file, path);
            let file = kind.parent_file();
            let values = kind.values().map(|value| format!("* `{}`: {}", value.name(), about(&file, value.path())));
            let values: Vec<String> = values.collect();
            let description = format!("{}\n\n{}", about(&file, kind.path()), values.join("\n"));
            let names: Vec<String> = kind.values().map(|value| value.name().to_owned()).collect();
            let schema = json!({ "type": "string", "description": description, "enum": names });
            self.done.insert(name.to_owned(), schema);
        }
        reference(name)
    }
}

fn bound(schema: &mut Value, least: &str, most: &str, rules: &FieldRules) {
    for (name, count) in [(least, rules.min_items), (most, rules.max_items)] {
        if let Some(count) = count {
            schema[name] = json!(count);
        }
    }
}

/// An input rule as JSON Schema has it. Rules that it has no words for stay with the service: JSON Schema counts no bytes
/// behind base64 and compares no 64-bit numbers in texts.
fn restrict(schema: &mut Value, check: &Check) {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (name, value) = match check {
        Check::MinChars(count) => ("minLength", json!(count)),
        Check::MaxChars(count) => ("maxLength", json!(count)),
        Check::Pattern(pattern) => ("pattern", json!(pattern)),
        Check::OneOf(values) => ("enum", json!(values)),
        Check::Email => ("format", json!("email")),
        Check::Uuid => ("format", json!("uuid")),
        Check::AtLeast(least) if schema["type"] != "string" => ("minimum", number(least)),
        Check::AtMost(most) if schema["type"] != "string" => ("maximum", number(most)),
        Check::MinBytes(_)
        | Check::MaxBytes(_)
        | Check::AtLeast(_)
        | Check::AtMost(_)
        | Check::Finite
        | Check::Defined
        | Check::NotIn(_) => return,
    };
    schema[name] = value;
}

/// Google's own types, which have a form of their own in JSON.
fn well_known(name: &str) -> Option<Value> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        "FieldMask" => json!({ "type": "string" }),
        "Empty" | "Struct" => json!({ "type": "object" }),
        "ListValue" => json!({ "type": "array" }),
        "Value" => json!({}),
        "Any" => json!({ "type": "object", "properties": { "@type": { "type": "string" } } }),
        "StringValue" => json!({ "type": "string" }),
        "BytesValue" => json!({ "type": "string", "contentEncoding": "base64" }),
        "BoolValue" => json!({ "type": "boolean" }),
        "Int64Value" | "UInt64Value" => json!({ "type": "string" }),
        "Int32Value" | "UInt32Value" => json!({ "type": "integer" }),
        "FloatValue" | "DoubleValue" => json!({ "type": "number" }),
        _ => return None,
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong. The HTTP status follows from the code.",
        "required": ["code", "message", "details"],
        "properties": {
            "code": { "type": "integer", "description": "A number of google.rpc.Code." },
            "message": { "type": "string", "description": "For people." },
            "details": {
                "type": "array",
                "description": "For programs: google.rpc.ErrorInfo with a stable reason; google.rpc.BadRequest with each wrong \
                                field; google.rpc.RetryInfo where repeating makes sense.",
                "items": {
                    "type": "object",
                    "required": ["@type"],
                    "properties": { "@type": { "type": "string" } },
                },
            },
        },
    })
}
