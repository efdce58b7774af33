//! Reads single option fields out of dynamic messages.

use std::time::Duration;

use prost_reflect::{DynamicMessage, ReflectMessage, Value};

/// The message in an extension, if it is set.
pub(crate) fn extension(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let extension = options.descriptor().parent_pool().get_extension_by_name(name)?;
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message().cloned()
}

/// The message in a field, if it is set.
pub(crate) fn message(of: &DynamicMessage, field: &str) -> Option<DynamicMessage> {
    if !of.has_field_by_name(field) {
        return None;
    }
    of.get_field_by_name(field)?.as_message().cloned()
}

/// The text in a field; empty when it is not set.
pub(crate) fn text(of: &DynamicMessage, field: &str) -> String {
    of.get_field_by_name(field).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The texts in a repeated field.
pub(crate) fn texts(of: &DynamicMessage, field: &str) -> Vec<String> {
    list(of, field).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// The values of a repeated field.
pub(crate) fn list(of: &DynamicMessage, field: &str) -> Vec<Value> {
    of.get_field_by_name(field).and_then(|v| v.as_list().map(<[Value]>::to_vec)).unwrap_or_default()
}

/// The flag in a field; false when it is not set.
pub(crate) fn flag(of: &DynamicMessage, field: &str) -> bool {
    of.get_field_by_name(field).and_then(|v| v.as_bool()).unwrap_or(false)
}

/// The number of the enum value in a field; 0 when it is not set.
pub(crate) fn number(of: &DynamicMessage, field: &str) -> i32 {
    of.get_field_by_name(field).and_then(|v| v.as_enum_number()).unwrap_or(0)
}

/// The duration in a field of type google.protobuf.Duration, if it is set and positive.
pub(crate) fn duration(of: &DynamicMessage, field: &str) -> Option<Duration> {
    let message = message(of, field)?;
    let seconds = message.get_field_by_name("seconds")?.as_i64()?;
    let nanos = message.get_field_by_name("nanos")?.as_i32()?;
    let duration = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?);
    (!duration.is_zero()).then_some(duration)
}
