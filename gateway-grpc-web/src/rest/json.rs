//! Messages as JSON.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};

use super::{ALWAYS_PRINT_ENUMS_AS_INTS, ALWAYS_PRINT_PRIMITIVE_FIELDS, PRESERVE_FIELD_NAMES};

/// Proto3 JSON: 64-bit integers are texts, bytes are base64, times are RFC 3339.
const OPTIONS: SerializeOptions = SerializeOptions::new()
    .use_proto_field_name(PRESERVE_FIELD_NAMES)
    .skip_default_fields(!ALWAYS_PRINT_PRIMITIVE_FIELDS)
    .use_enum_numbers(ALWAYS_PRINT_ENUMS_AS_INTS);

/// A message that is no message, or holds what JSON cannot say.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// An encoded message of this kind as JSON, in one line.
pub(crate) fn from_encoded(descriptor: &MessageDescriptor, message: Bytes) -> Result<Vec<u8>, Unreadable> {
    let message = DynamicMessage::decode(descriptor.clone(), message).map_err(|_| Unreadable)?;
    let mut json = Vec::with_capacity(256);
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &OPTIONS).map_err(|_| Unreadable)?;
    Ok(json)
}
