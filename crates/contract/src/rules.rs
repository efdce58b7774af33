//! Input rules: the part of `buf.validate` that Kvartal uses, read for code generation.
//!
//! A rule that is not read here is an error, so that no rule can be written and not enforced.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::options::extension;

/// One check of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// At least so many characters.
    MinChars(u64),
    /// At most so many characters.
    MaxChars(u64),
    /// Matches the regular expression.
    Pattern(String),
    /// Is one of the texts.
    OneOf(Vec<String>),
    /// Is an e-mail address.
    Email,
    /// Is a UUID in its usual form.
    Uuid,
    /// At least so many bytes.
    MinBytes(u64),
    /// At most so many bytes.
    MaxBytes(u64),
    /// Is at least this (numbers, as a literal).
    AtLeast(String),
    /// Is at most this (numbers, as a literal).
    AtMost(String),
    /// Is a finite number. Holds for every floating-point field with rules.
    Finite,
    /// Is a value that the enum defines.
    Defined,
    /// Is none of these enum numbers.
    NotIn(Vec<i32>),
}

/// The rules of one field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldRules {
    /// Must be set.
    pub required: bool,
    /// An empty value passes unchecked.
    pub ignore_empty: bool,
    /// Checks of the value, or of each item where the field is repeated.
    pub checks: Vec<Check>,
    /// At least so many items or pairs.
    pub min_items: Option<u64>,
    /// At most so many items or pairs.
    pub max_items: Option<u64>,
}

/// Reads the rules of a field; the error names the field and the rule that cannot be enforced.
pub fn read(field: &FieldDescriptor) -> Result<FieldRules, String> {
    let mut rules = FieldRules::default();
    let Some(options) = extension(&field.options(), "buf.validate.field") else { return Ok(rules) };
    let at =
        |what: &str| format!("{}: rule {what} is not enforced; use another or extend the reader", field.full_name());
    for (set, value) in options.fields() {
        match (set.name(), value) {
            ("required", Value::Bool(required)) => rules.required = *required,
            ("ignore", Value::EnumNumber(1)) => rules.ignore_empty = true,
            ("repeated", Value::Message(repeated)) => read_repeated(repeated, &mut rules).map_err(|rule| at(&rule))?,
            ("map", Value::Message(map)) => {
                for (set, value) in map.fields() {
                    match (set.name(), value.as_u64()) {
                        ("min_pairs", count @ Some(_)) => rules.min_items = count,
                        ("max_pairs", count @ Some(_)) => rules.max_items = count,
                        (other, _) => return Err(at(&format!("map.{other}"))),
                    }
                }
            }
            (kind, Value::Message(of)) => rules.checks = read_checks(kind, of).map_err(|rule| at(&rule))?,
            (other, _) => return Err(at(other)),
        }
    }
    Ok(rules)
}

fn read_repeated(repeated: &DynamicMessage, rules: &mut FieldRules) -> Result<(), String> {
    for (set, value) in repeated.fields() {
        match (set.name(), value) {
            ("min_items", Value::U64(count)) => rules.min_items = Some(*count),
            ("max_items", Value::U64(count)) => rules.max_items = Some(*count),
            ("items", Value::Message(items)) => {
                for (set, value) in items.fields() {
                    let Value::Message(of) = value else { return Err(format!("repeated.items.{}", set.name())) };
                    rules.checks = read_checks(set.name(), of)?;
                }
            }
            (other, _) => return Err(format!("repeated.{other}")),
        }
    }
    Ok(())
}

fn read_checks(kind: &str, rules: &DynamicMessage) -> Result<Vec<Check>, String> {
    let mut checks = Vec::new();
    if matches!(kind, "double" | "float") {
        checks.push(Check::Finite);
    }
    for (set, value) in rules.fields() {
        let check = match (kind, set.name(), value) {
            ("string", "min_len", Value::U64(n)) => Check::MinChars(*n),
            ("string", "max_len", Value::U64(n)) => Check::MaxChars(*n),
            ("string", "pattern", Value::String(pattern)) => Check::Pattern(pattern.clone()),
            ("string", "in", Value::List(values)) => {
                Check::OneOf(values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
            }
            ("string", "email", Value::Bool(true)) => Check::Email,
            ("string", "uuid", Value::Bool(true)) => Check::Uuid,
            ("bytes", "min_len", Value::U64(n)) => Check::MinBytes(*n),
            ("bytes", "max_len", Value::U64(n)) => Check::MaxBytes(*n),
            ("enum", "defined_only", Value::Bool(true)) => Check::Defined,
            ("enum", "not_in", Value::List(values)) => Check::NotIn(values.iter().filter_map(Value::as_i32).collect()),
            ("double" | "float" | "int32" | "int64" | "uint32" | "uint64", "gte", value) => {
                Check::AtLeast(literal(value)?)
            }
            ("double" | "float" | "int32" | "int64" | "uint32" | "uint64", "lte", value) => {
                Check::AtMost(literal(value)?)
            }
            (_, other, _) => return Err(format!("{kind}.{other}")),
        };
        checks.push(check);
    }
    Ok(checks)
}

fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::F64(number) => Ok(format!("{number:?}")),
        Value::F32(number) => Ok(format!("{number:?}")),
        Value::I32(number) => Ok(number.to_string()),
        Value::I64(number) => Ok(number.to_string()),
        Value::U32(number) => Ok(number.to_string()),
        Value::U64(number) => Ok(number.to_string()),
        other => Err(format!("value {other:?}")),
    }
}

/// Whether a message's own rules stand outside its fields, which is not enforced.
pub fn message_rules(message: &MessageDescriptor) -> Result<(), String> {
    let oneof = message.oneofs().find(|oneof| extension(&oneof.options(), "buf.validate.oneof").is_some());
    if extension(&message.options(), "buf.validate.message").is_some() || oneof.is_some() {
        return Err(format!("{}: rules of messages and oneofs are not enforced; use field rules", message.full_name()));
    }
    Ok(())
}

/// Whether a field holds messages, singly or in a list or as map values.
pub fn nested(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) => Some(message),
        _ => None,
    }
}
