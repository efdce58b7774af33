//! What services stand on in their tests, beside the servers of `kvartal-testing`: [`People`] who call, stand-ins for other
//! services behind the real server stack, and events that are [`Heard`].

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod codec;
mod heard;
mod people;
mod stand_in;

pub use codec::BytesCodec;
pub use heard::Heard;
pub use people::{People, Person};
pub use stand_in::{answer, identity, refusal, stack, stand_in};

/// The reason of an error, for programs.
pub fn reason(status: &tonic::Status) -> String {
    kvartal_mesh::from_status(status).reason().to_owned()
}
