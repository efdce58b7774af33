//! What was asked for, in 32 bytes: tells a repeated request from another one under the same id.

use sha2::{Digest, Sha256};

use crate::domain::geo::LatLng;

/// Takes the fields of a request in a fixed order; no two different requests give the same bytes to it.
#[derive(Default)]
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    /// A text, with its length in front.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(text);
        self
    }

    /// A number.
    pub(super) fn number(mut self, number: i64) -> Self {
        self.0.update(number.to_be_bytes());
        self
    }

    /// A number that may be missing.
    pub(super) fn maybe(self, number: Option<i64>) -> Self {
        match number {
            None => self.number(0),
            Some(number) => self.number(1).number(number),
        }
    }

    /// Several of something, with their count in front.
    pub(super) fn each<T>(self, items: impl ExactSizeIterator<Item = T>, one: impl Fn(Self, T) -> Self) -> Self {
        let counted = self.number(i64::try_from(items.len()).unwrap_or(i64::MAX));
        items.fold(counted, one)
    }

    /// A point.
    pub(super) fn point(mut self, point: LatLng) -> Self {
        self.0.update(point.latitude.to_be_bytes());
        self.0.update(point.longitude.to_be_bytes());
        self
    }

    /// The 32 bytes.
    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
