//! Keyset pages and versions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Error;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 200;

/// Where a page ended: the sort key and the id of its last row. Every list sorts by such a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// Sort key, mostly a time in microseconds.
    pub key: i64,
    /// Decides between equal keys.
    pub id: Uuid,
}

impl Cursor {
    /// An opaque token. `scope` is the list and its filter: a token is refused in another scope.
    pub fn encode(&self, scope: &str) -> String {
        let mut bytes = [0; 28];
        bytes[..8].copy_from_slice(&self.key.to_be_bytes());
        bytes[8..24].copy_from_slice(self.id.as_bytes());
        let tag = tag(&bytes[..24], scope);
        bytes[24..].copy_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token of this scope.
    pub fn decode(scope: &str, token: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid("page_token", "must be a token of the same list with the same filter");
        let bytes: [u8; 28] = URL_SAFE_NO_PAD.decode(token).ok().and_then(|b| b.try_into().ok()).ok_or_else(wrong)?;
        if bytes[24..] != tag(&bytes[..24], scope) {
            return Err(wrong());
        }
        let mut key = [0; 8];
        key.copy_from_slice(&bytes[..8]);
        let id = Uuid::from_slice(&bytes[8..24]).map_err(|_| wrong())?;
        Ok(Self { key: i64::from_be_bytes(key), id })
    }
}

/// Tells a token of this list from another's by accident; it is no secret.
fn tag(bytes: &[u8], scope: &str) -> [u8; 4] {
    let digest = Sha256::new().chain_update(bytes).chain_update(scope.as_bytes()).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// Which page is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// At most this many rows, 1 to 200.
    pub size: u32,
    /// After this row; `None` for the first page.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// From a request's `page_size` and `page_token`.
    pub fn parse(scope: &str, size: u32, token: &str) -> Result<Self, Error> {
        let size = match size {
            0 => DEFAULT_SIZE,
            1..=MAX_SIZE => size,
            _ => return Err(Error::invalid("page_size", format!("must be at most {MAX_SIZE}"))),
        };
        let after = if token.is_empty() { None } else { Some(Cursor::decode(scope, token)?) };
        Ok(Self { size, after })
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// From `size + 1` rows: the surplus row tells that there is a next page.
    pub fn from_surplus(mut rows: Vec<T>, size: u32, cursor: impl Fn(&T) -> Cursor) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }

    /// Token of the next page; empty on the last.
    pub fn next_token(&self, scope: &str) -> String {
        self.next.map(|cursor| cursor.encode(scope)).unwrap_or_default()
    }
}

/// How often something has changed; the etag of the outside world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub i64);

impl Version {
    /// Of something new.
    pub const FIRST: Self = Self(1);

    /// After one more change.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// As the outside world sees it.
    pub fn etag(self) -> String {
        format!("v{}", self.0)
    }

    /// Refuses a change made from an older state. An empty etag agrees with everything.
    pub fn check(self, etag: &str) -> Result<(), Error> {
        if etag.is_empty() || etag == self.etag() { Ok(()) } else { Err(Error::conflict()) }
    }
}

#[cfg(test)]
mod tests;
