//! Audit records and how each one is bound to the record before it.

use std::fmt;

use kvartal_kernel::{Timestamp, Uuid};
use sha2::{Digest, Sha256};

mod chain;

pub(crate) use chain::Walk;
pub use chain::{Flaw, Problem};

/// Opens the hashed bytes: tells this encoding from later ones and from every other use of SHA-256.
const ENCODING: &[u8] = b"kvartal.audit.record.v1";

/// Longest text of an entry's field, in bytes; details may be [`MAX_DETAILS`] long.
const MAX_TEXT: usize = 400;
const MAX_DETAILS: usize = 4_000;

/// What happened, before it has a place in the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The event it is made from.
    pub event: Uuid,
    /// Full name of the event's message.
    pub kind: String,
    /// The service it happened in.
    pub source: String,
    /// Who did it; empty for nobody known.
    pub actor: String,
    /// What it was done to.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// The RPC's path, for a call.
    pub method: String,
    /// The gRPC status, for a call.
    pub outcome: String,
    /// W3C trace id; empty when there was none.
    pub trace: String,
    /// What else the event said.
    pub details: String,
}

impl Entry {
    /// The entry with every text in a form that each database keeps unchanged: bounded and without control characters.
    pub fn bounded(self) -> Self {
        Self {
            event: self.event,
            kind: bounded(self.kind, MAX_TEXT),
            source: bounded(self.source, MAX_TEXT),
            actor: bounded(self.actor, MAX_TEXT),
            subject: bounded(self.subject, MAX_TEXT),
            time: self.time,
            method: bounded(self.method, MAX_TEXT),
            outcome: bounded(self.outcome, MAX_TEXT),
            trace: bounded(self.trace, MAX_TEXT),
            details: bounded(self.details, MAX_DETAILS),
        }
    }
}

fn bounded(text: String, max_bytes: usize) -> String {
    if text.len() <= max_bytes && !text.contains(char::is_control) {
        return text;
    }
    let mut clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if clean.len() > max_bytes {
        clean.truncate(clean.floor_char_boundary(max_bytes - '…'.len_utf8()));
        clean.push('…');
    }
    clean
}

/// A SHA-256, in 64 lower-case hexadecimal digits. A value read back from storage may be any text: it then fits nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hash(pub String);

impl Hash {
    /// What stands before the first record.
    pub fn origin() -> Self {
        Self("0".repeat(64))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the chain ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Number of the newest record; 0 for an empty chain.
    pub sequence: u64,
    /// Hash of the newest record.
    pub hash: Hash,
}

impl Head {
    /// Of an empty chain.
    pub fn origin() -> Self {
        Self { sequence: 0, hash: Hash::origin() }
    }
}

/// One link of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// 1, 2, 3, … without gaps.
    pub sequence: u64,
    /// What happened.
    pub entry: Entry,
    /// Hash of the record before.
    pub previous: Hash,
    /// Hash over the previous hash and this record.
    pub hash: Hash,
}

impl Record {
    /// The record that follows the head.
    pub fn after(head: &Head, entry: Entry) -> Self {
        let sequence = head.sequence + 1;
        let hash = hash(&head.hash, sequence, &entry);
        Self { sequence, entry, previous: head.hash.clone(), hash }
    }

    /// The head once this record is appended.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }

    /// Whether the hash is that of the content.
    pub fn fits(&self) -> bool {
        self.hash == hash(&self.previous, self.sequence, &self.entry)
    }
}

/// SHA-256 over the parts, each preceded by its length as four bytes, most significant first. The README states it in
/// full, with a test vector.
fn hash(previous: &Hash, sequence: u64, entry: &Entry) -> Hash {
    // Destructured in full, so that a field added later cannot stay outside the hash.
    let Entry { event, kind, source, actor, subject, time, method, outcome, trace, details } = entry;
    let parts: [&[u8]; 13] = [
        ENCODING,
        previous.0.as_bytes(),
        &sequence.to_be_bytes(),
        event.as_bytes(),
        kind.as_bytes(),
        source.as_bytes(),
        actor.as_bytes(),
        subject.as_bytes(),
        &time.0.to_be_bytes(),
        method.as_bytes(),
        outcome.as_bytes(),
        trace.as_bytes(),
        details.as_bytes(),
    ];
    let mut digest = Sha256::new();
    for part in parts {
        // No part comes near 4 GiB: texts are bounded, and what a database row holds fits into memory.
        digest.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(part);
    }
    Hash(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
