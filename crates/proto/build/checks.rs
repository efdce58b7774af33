//! Generates `impl Checked` for every message from its buf.validate rules.

use std::fmt::Write as _;

use kvartal_contract::rules::{self, Check, FieldRules};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

type Outcome = Result<String, String>;

/// The source of all checks. Fails where a rule cannot be enforced.
pub(crate) fn generate(pool: &DescriptorPool) -> Outcome {
    let mut source = String::new();
    let ours = |message: &MessageDescriptor| {
        message.full_name().starts_with("kvartal.") && message.package_name() != "kvartal.contract.v1"
    };
    for message in pool.all_messages().filter(ours) {
        if message.is_map_entry() {
            continue;
        }
        if message.parent_message().is_some() {
            return Err(format!("{}: nested messages have no checks; move it to the top level", message.full_name()));
        }
        rules::message_rules(&message)?;
        let mut body = String::new();
        for field in message.fields() {
            body.push_str(&field_checks(&field)?);
        }
        let inbound = message.name().ends_with("Request");
        let used = if body.is_empty() { "_" } else { "" };
        writeln!(
            source,
            "impl crate::check::Checked for {} {{\n    const INBOUND: bool = {inbound};\n    \
             fn check(&self, {used}at: crate::check::At<'_>, {used}out: &mut crate::check::Violations) {{\n{body}    }}\n}}",
            rust_type(message.full_name()),
        )
        .map_err(|error| error.to_string())?;
    }
    Ok(source)
}

fn field_checks(field: &FieldDescriptor) -> Outcome {
    let rules = rules::read(field)?;
    let ident = ident(field.name());
    let name = field.name();
    let mut code = String::new();
    if field.is_map() || field.is_list() {
        for (limit, test) in [(rules.min_items, "min_items"), (rules.max_items, "max_items")] {
            if let Some(limit) = limit {
                code +=
                    &format!("        crate::check::{test}(self.{ident}.len(), {limit}, at.field({name:?}), out);\n");
            }
        }
        if field.is_map() {
            let values_are_messages =
                rules::nested(field).is_some_and(|entry| entry.map_entry_value_field().kind().as_message().is_some());
            return if values_are_messages || !rules.checks.is_empty() {
                Err(format!("{}: values of maps are not checked", field.full_name()))
            } else {
                Ok(code)
            };
        }
        let item = value_checks(field, &rules, "item", "at.field_item", name)?;
        if !item.is_empty() {
            code += &format!("        for (index, item) in self.{ident}.iter().enumerate() {{\n{item}        }}\n");
        }
        return Ok(code);
    }
    if let Kind::Message(message) = field.kind() {
        if rules.required {
            code += &format!("        crate::check::required(self.{ident}.is_some(), at.field({name:?}), out);\n");
        }
        if has_checks(&message) {
            code += &format!(
                "        if let Some(value) = &self.{ident} {{ crate::check::Checked::check(value, at.field({name:?}), out); }}\n"
            );
        }
        return Ok(code);
    }
    let optional = field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic());
    if field.supports_presence() && !optional {
        return Err(format!("{}: oneofs are not checked", field.full_name()));
    }
    if rules.required {
        return Err(format!("{}: use min_len or not_in instead of required", field.full_name()));
    }
    if optional {
        let checks = value_checks(field, &rules, "value", "at.field", name)?;
        return Ok(if checks.is_empty() {
            checks
        } else {
            format!("        if let Some(value) = &self.{ident} {{\n{checks}        }}\n")
        });
    }
    let checks = value_checks(field, &rules, &format!("&self.{ident}"), "at.field", name)?;
    if rules.ignore_empty && !checks.is_empty() {
        code += &format!("        if !crate::check::is_empty(&self.{ident}) {{\n{checks}        }}\n");
    } else {
        code += &checks;
    }
    Ok(code)
}

/// Checks of one value; `value` is an expression of a reference to it.
fn value_checks(field: &FieldDescriptor, rules: &FieldRules, value: &str, at: &str, name: &str) -> Outcome {
    let at = if at == "at.field" { format!("at.field({name:?})") } else { format!("at.field_item({name:?}, index)") };
    if let Kind::Message(message) = field.kind() {
        return Ok(if has_checks(&message) {
            format!("            crate::check::Checked::check({value}, {at}, out);\n")
        } else {
            String::new()
        });
    }
    let mut code = String::new();
    for check in &rules.checks {
        let call = match check {
            Check::MinChars(n) => format!("min_chars({value}, {n}"),
            Check::MaxChars(n) => format!("max_chars({value}, {n}"),
            Check::MinBytes(n) => format!("min_bytes({value}, {n}"),
            Check::MaxBytes(n) => format!("max_bytes({value}, {n}"),
            Check::Email => format!("email({value}"),
            Check::Uuid => format!("uuid({value}"),
            Check::OneOf(texts) => format!("one_of({value}, &{texts:?}"),
            Check::Finite => format!("finite(f64::from(*{value})"),
            Check::AtLeast(least) => format!("at_least(*{value}, {least}"),
            Check::AtMost(most) => format!("at_most(*{value}, {most}"),
            Check::NotIn(numbers) => format!("not_in(*{value}, &{numbers:?}"),
            Check::Defined => {
                let Kind::Enum(of) = field.kind() else { return Err(format!("{}: no enum", field.full_name())) };
                format!("defined({}::try_from(*{value}).is_ok()", rust_type(of.full_name()))
            }
            Check::Pattern(pattern) => {
                regex::Regex::new(pattern).map_err(|error| format!("{}: {error}", field.full_name()))?;
                code += &format!(
                    "        {{ static PATTERN: std::sync::LazyLock<Option<regex::Regex>> = \
                     std::sync::LazyLock::new(|| regex::Regex::new({pattern:?}).ok());\n          \
                     crate::check::pattern({value}, PATTERN.as_ref(), {pattern:?}, {at}, out); }}\n"
                );
                continue;
            }
        };
        code += &format!("        crate::check::{call}, {at}, out);\n");
    }
    Ok(code)
}

/// Ours are checked, and timestamps for their range.
fn has_checks(message: &MessageDescriptor) -> bool {
    let name = message.full_name();
    (name.starts_with("kvartal.") && !name.starts_with("kvartal.contract.")) || name == "google.protobuf.Timestamp"
}

/// `kvartal.identity.v1.User` → `crate::identity::v1::User`.
fn rust_type(full_name: &str) -> String {
    full_name.replacen("kvartal", "crate", 1).replace('.', "::")
}

fn ident(name: &str) -> String {
    if matches!(name, "type" | "match" | "ref" | "use" | "in" | "for" | "where") {
        format!("r#{name}")
    } else {
        name.into()
    }
}
