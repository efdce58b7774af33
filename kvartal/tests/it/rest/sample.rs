//! Requests made from the contract: nothing set, and everything set to something that its rules allow.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use kvartal_contract::rules::{self, Check, FieldRules};
use kvartal_contract::{Contract, HttpRule, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use regex::Regex;
use serde_json::{Map, Value, json};

/// How much of a request is set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    /// What the path needs.
    Empty,
    /// Every field that REST can carry.
    Filled,
}

impl Sample {
    /// The request as a JSON object under the names of the .proto file.
    pub(crate) fn request(self, contract: &Contract, method: &Method, rule: &HttpRule) -> Value {
        let message = contract.pool().get_message_by_name(&method.input).unwrap();
        let mut request = match self {
            Self::Empty => Map::new(),
            Self::Filled => filled(&message, rule.body.is_empty()),
        };
        for name in variables(&rule.path) {
            let number = matches!(message.get_field_by_name(name).unwrap().kind(), Kind::Enum(_));
            request.entry(name).or_insert(if number { json!(0) } else { json!("0") });
        }
        Value::Object(request)
    }
}

/// Names in braces.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap())
}

fn filled(message: &MessageDescriptor, as_parameters: bool) -> Map<String, Value> {
    let carried = |field: &FieldDescriptor| {
        // Tokens of pages and versions cannot be guessed; every request with one would fail the same way.
        let guessed = ["page_token", "resume_token", "etag"].contains(&field.name());
        let plain = matches!(field.kind(), Kind::Message(inner) if !inner.full_name().starts_with("google."));
        !guessed && !(as_parameters && (field.is_map() || field.is_list() && plain))
    };
    let fields = message.fields().filter(carried);
    fields.map(|field| (field.name().to_owned(), value(message, &field, as_parameters))).collect()
}

fn value(message: &MessageDescriptor, field: &FieldDescriptor, as_parameters: bool) -> Value {
    let rules = rules::read(field).unwrap();
    if field.is_map() {
        return json!({ "sample": "sample" });
    }
    let single = single(message, field, &rules, as_parameters);
    if field.is_list() {
        let count = usize::try_from(rules.min_items.unwrap_or(1)).unwrap();
        return Value::Array(vec![single; count]);
    }
    single
}

fn single(message: &MessageDescriptor, field: &FieldDescriptor, rules: &FieldRules, as_parameters: bool) -> Value {
    match field.kind() {
        Kind::String => json!(text(rules)),
        // The shortest content is sixteen bytes.
        Kind::Bytes => json!("AAAAAAAAAAAAAAAAAAAAAA=="),
        Kind::Bool => json!(true),
        Kind::Enum(kind) => json!(kind.values().find(|value| value.number() != 0).unwrap().name()),
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" => json!("2026-01-02T03:04:05Z"),
            "google.protobuf.FieldMask" => {
                let first = message.fields().nth(1).unwrap();
                json!(first.json_name())
            }
            _ => Value::Object(filled(&inner, as_parameters)),
        },
        Kind::Uint64 | Kind::Int64 => json!("1"),
        _ => json!(1),
    }
}

fn text(rules: &FieldRules) -> String {
    let mut candidates = vec![
        "sample".to_owned(),
        "SAMPLE-1".to_owned(),
        "someone@people.example".to_owned(),
        "0190a1b2-0000-7000-8000-000000000000".to_owned(),
        "a long enough text".to_owned(),
    ];
    for check in &rules.checks {
        if let Check::OneOf(values) = check {
            candidates.extend(values.iter().filter(|value| !value.is_empty()).cloned());
        }
    }
    let fits = |text: &String| {
        rules.checks.iter().all(|check| match check {
            Check::MinChars(count) => text.len() as u64 >= *count,
            Check::MaxChars(count) => text.len() as u64 <= *count,
            Check::Pattern(pattern) => Regex::new(pattern).unwrap().is_match(text),
            Check::OneOf(values) => values.contains(text),
            Check::Email => text.contains('@'),
            Check::Uuid => text.len() == 36,
            _ => true,
        })
    };
    // What nothing fits is refused; the refusal must be the same.
    candidates.iter().find(|text| fits(text)).unwrap_or(&candidates[0]).clone()
}

/// The request over HTTP: what the path names in the path, the rest in the body or in the query, as the rule says.
pub(crate) fn rest_request(url: &str, method: &Method, rule: &HttpRule, request: &Value) -> Request<Full<Bytes>> {
    let mut fields = request.as_object().unwrap().clone();
    let mut path = rule.path.clone();
    for name in variables(&rule.path) {
        let value = fields.remove(name).unwrap();
        let text = utf8_percent_encode(&text_of(&value), NON_ALPHANUMERIC).to_string();
        path = path.replace(&format!("{{{name}}}"), &text);
    }
    let verb = format!("{:?}", rule.verb).to_uppercase();
    let (query, body) = match rule.body.as_str() {
        "" => (parameters(&Value::Object(fields), ""), None),
        "*" => (Vec::new(), Some(Value::Object(fields))),
        field => {
            let body = fields.remove(field);
            (parameters(&Value::Object(fields), ""), body)
        }
    };
    let uri = format!("{url}{path}?{}", query.join("&"));
    let builder = Request::builder().method(verb.as_str()).uri(uri.trim_end_matches('?'));
    let built = match body {
        Some(body) => {
            let body = Full::new(body.to_string().into());
            builder.header("content-type", "application/json").body(body)
        }
        None => builder.body(Full::default()),
    };
    built.unwrap_or_else(|error| panic!("{}: {error}", method.path))
}

fn parameters(value: &Value, name: &str) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(member, value)| {
                let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                parameters(value, &name)
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| parameters(item, name)).collect(),
        other => vec![format!("{name}={}", utf8_percent_encode(&text_of(other), NON_ALPHANUMERIC))],
    }
}

/// A single value without the quotes of JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
