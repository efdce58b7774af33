//! The codec of every generated client and server: prost, and for requests the input rules of the contract.

use std::marker::PhantomData;

use kvartal_kernel::Violation;
use prost::Message;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_prost::ProstEncoder;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::check::{At, Checked};

/// Domain of every `google.rpc.ErrorInfo` of the platform.
pub const ERROR_DOMAIN: &str = "kvartal";

/// Encodes with prost, decodes with prost and checks requests.
#[derive(Debug)]
pub struct CheckedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for CheckedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for CheckedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Checked + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = CheckedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        CheckedDecoder(PhantomData)
    }
}

/// Decodes and, for requests, checks.
#[derive(Debug)]
pub struct CheckedDecoder<U>(PhantomData<U>);

impl<U: Message + Checked + Default> Decoder for CheckedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = U::decode(buffer).map_err(|error| {
            if U::INBOUND {
                invalid(vec![Violation { field: "(message)".into(), description: error.to_string() }])
            } else {
                Status::internal("the answer could not be decoded")
            }
        })?;
        if U::INBOUND {
            let mut violations = Vec::new();
            message.check(At::ROOT, &mut violations);
            if !violations.is_empty() {
                return Err(invalid(violations));
            }
        }
        Ok(Some(message))
    }
}

/// INVALID_ARGUMENT with a `google.rpc.BadRequest` that names each wrong field.
pub fn invalid(violations: Vec<Violation>) -> Status {
    let text: Vec<_> = violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    let mut details = ErrorDetails::with_error_info("INVALID_ARGUMENT", ERROR_DOMAIN, []);
    for violation in violations {
        details.add_bad_request_violation(violation.field, violation.description);
    }
    Status::with_error_details(Code::InvalidArgument, text.join("; "), details)
}
