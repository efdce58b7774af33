//! The walk along the chain that finds the first record that does not fit.

use std::fmt;

use super::{Head, Record};

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The record is not there, though later ones or the head say that it was.
    Missing,
    /// It cannot be read back.
    Unreadable,
    /// It does not name the hash of the record before it.
    Unlinked,
    /// Its hash is not that of its content.
    Altered,
    /// The head names another hash for the newest record.
    HeadDiffers,
    /// It lies beyond the head: it was not appended by the service, or the head was set back.
    BeyondHead,
    /// The head is gone.
    HeadMissing,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the record is missing",
            Self::Unreadable => "the record cannot be read",
            Self::Unlinked => "the record does not follow the one before it",
            Self::Altered => "the record's content is not what was hashed",
            Self::HeadDiffers => "the head names another hash for the newest record",
            Self::BeyondHead => "the record lies beyond the head",
            Self::HeadMissing => "the head is missing",
        })
    }
}

/// The first record that does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// Its number.
    pub sequence: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

/// A walk from a trusted record to the head; feed it every stored record after the trusted one, in order.
#[derive(Debug)]
pub(crate) struct Walk {
    reached: Head,
    head: Head,
    checked: u64,
}

impl Walk {
    /// Starts after `trusted` and is to end at `head`.
    pub(crate) fn new(trusted: Head, head: Head) -> Self {
        Self { reached: trusted, head, checked: 0 }
    }

    /// Number of the record to come.
    pub(crate) fn next(&self) -> u64 {
        self.reached.sequence + 1
    }

    /// How many records fitted so far.
    pub(crate) fn checked(&self) -> u64 {
        self.checked
    }

    /// Whether the head is reached.
    pub(crate) fn is_over(&self) -> bool {
        self.reached.sequence >= self.head.sequence
    }

    /// Checks the next stored record.
    pub(crate) fn check(&mut self, record: &Record) -> Result<(), Flaw> {
        let expected = self.next();
        let flaw = |problem| Err(Flaw { sequence: expected, problem });
        if record.sequence != expected {
            return flaw(Problem::Missing);
        }
        if expected > self.head.sequence {
            return flaw(Problem::BeyondHead);
        }
        if record.previous != self.reached.hash {
            return flaw(Problem::Unlinked);
        }
        if !record.fits() {
            return flaw(Problem::Altered);
        }
        self.reached = record.head();
        self.checked += 1;
        Ok(())
    }

    /// Checks that what was walked is the whole chain. `last` is the number of the newest stored record.
    pub(crate) fn finish(&self, last: u64) -> Result<(), Flaw> {
        if self.reached.sequence < self.head.sequence {
            return Err(Flaw { sequence: self.next(), problem: Problem::Missing });
        }
        if self.reached.hash != self.head.hash {
            return Err(Flaw { sequence: self.head.sequence.max(1), problem: Problem::HeadDiffers });
        }
        if last > self.head.sequence {
            return Err(Flaw { sequence: self.head.sequence + 1, problem: Problem::BeyondHead });
        }
        Ok(())
    }
}
