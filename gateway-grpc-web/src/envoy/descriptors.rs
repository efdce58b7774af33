//! The descriptor set that REST transcoding reads.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use kvartal_contract::Contract;
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};

/// `FileDescriptorSet.file`.
const FILE: u32 = 1;
/// `FileDescriptorProto.name`.
const NAME: u32 = 1;
/// `FileDescriptorProto.source_code_info`: the comments, two thirds of the whole.
const COMMENTS: u32 = 9;

/// In base64: the contract's files without their comments, and the messages in which details of errors arrive.
pub(super) fn encoded(contract: &Contract) -> String {
    let sets = [Bytes::from(contract.pool().encode_to_vec()), Bytes::from_static(tonic_types::pb::FILE_DESCRIPTOR_SET)];
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    // What does not parse cannot come from a contract that was read; Envoy would say so too.
    for file in sets.into_iter().flat_map(|set| fields(set).unwrap_or_default()).filter(|field| field.tag == FILE) {
        let parts = fields(file.content()).unwrap_or_default();
        let name = parts.iter().find(|part| part.tag == NAME).map(Field::content);
        if !seen.insert(name) {
            continue;
        }
        let slim: Vec<u8> =
            parts.iter().filter(|part| part.tag != COMMENTS).flat_map(|part| part.whole.iter().copied()).collect();
        encode_key(FILE, WireType::LengthDelimited, &mut kept);
        encode_varint(slim.len() as u64, &mut kept);
        kept.extend(slim);
    }
    STANDARD.encode(kept)
}

/// One field of an encoded message. Options that we have no types for survive, because nothing is decoded.
struct Field {
    tag: u32,
    /// With its key.
    whole: Bytes,
}

impl Field {
    /// Of a field that holds text, bytes or a message.
    fn content(&self) -> Bytes {
        let mut rest = self.whole.clone();
        let skipped = decode_key(&mut rest).and_then(|_| decode_varint(&mut rest));
        if skipped.is_ok() { rest } else { Bytes::new() }
    }
}

fn fields(mut message: Bytes) -> Result<Vec<Field>, DecodeError> {
    let mut fields = Vec::new();
    while message.has_remaining() {
        let mut rest = message.clone();
        let (tag, wire_type) = decode_key(&mut rest)?;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
        let whole = message.split_to(message.len() - rest.len());
        fields.push(Field { tag, whole });
    }
    Ok(fields)
}
