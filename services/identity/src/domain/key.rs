//! The keys that sign access tokens, and their turn.
//!
//! There is always a next key: published, not signing yet. So when its turn comes every verifier knows it already. A key
//! whose turn is over stays published until the last token it signed has expired.

use std::fmt;
use std::time::Duration;

use kvartal_kernel::{Error, Kind, Timestamp};

use super::REVOCATION_MEMORY;

/// One key pair.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Names it in tokens.
    pub kid: String,
    /// The public half.
    pub public: [u8; 32],
    /// The private half, encrypted under the master key; empty once its turn is over.
    pub sealed: Vec<u8>,
    /// From when it is published.
    pub published_at: Timestamp,
    /// From when it signs, until a later one does; `None` for the next key. Unique.
    pub signs_from: Option<Timestamp>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("signs_from", &self.signs_from)
            .finish_non_exhaustive()
    }
}

/// All keys that matter now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyRing {
    /// In any order.
    pub keys: Vec<SigningKey>,
}

impl KeyRing {
    /// How long a key signs before it is replaced by itself.
    pub const TURN: Duration = Duration::from_secs(30 * 24 * 3600);
    /// How long a key must be published before it signs: longer than verifiers remember the key set.
    pub const AHEAD: Duration = Duration::from_secs(5 * 60);
    /// How long another replica may go on signing with a key after its turn.
    pub const STALENESS: Duration = Duration::from_secs(10);
    /// Most keys at once; only somebody who rotates every few seconds meets the limit.
    pub const MAX: usize = 200;

    /// The first keys: one that signs and the next. No key set was ever published without them, so nobody has to wait.
    pub fn begin(signing: SigningKey, next: SigningKey, now: Timestamp) -> Self {
        let published_at = now.minus(Self::AHEAD);
        let signing = SigningKey { published_at, signs_from: Some(now), ..signing };
        Self { keys: vec![signing, SigningKey { published_at, signs_from: None, ..next }] }
    }

    /// The key that signs now.
    pub fn signing(&self, now: Timestamp) -> Option<&SigningKey> {
        let started = self.keys.iter().filter(|key| key.signs_from.is_some_and(|from| from <= now));
        started.max_by_key(|key| key.signs_from)
    }

    /// Whether the key that signs has done so long enough and none is about to follow.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.latest().is_none_or(|from| now >= from.plus(Self::TURN))
    }

    /// Gives the next key its turn, at once or as soon as it has been published long enough, and adds `fresh` as the new
    /// next one. Gives the id of the key whose turn it is.
    pub fn rotate(&mut self, fresh: SigningKey, now: Timestamp) -> Result<String, Error> {
        if self.keys.len() >= Self::MAX {
            let message = "the key was rotated too often; wait until the old keys have expired";
            return Err(Error::new(Kind::FailedPrecondition, "TOO_MANY_KEYS", message));
        }
        let earliest = self.latest().map_or(now, |latest| now.max(latest.plus(Duration::from_micros(1))));
        let next = self.keys.iter_mut().find(|key| key.signs_from.is_none());
        let next = next.ok_or_else(|| Error::internal("the key ring has no next key"))?;
        next.signs_from = Some(earliest.max(next.published_at.plus(Self::AHEAD)));
        let kid = next.kid.clone();
        self.keys.push(SigningKey { published_at: now, signs_from: None, ..fresh });
        Ok(kid)
    }

    /// Removes the private halves of keys whose turn is over, and the keys whose last token has expired.
    pub fn sweep(&mut self, now: Timestamp) {
        let mut turns: Vec<Timestamp> = self.keys.iter().filter_map(|key| key.signs_from).collect();
        turns.sort();
        let over = |key: &SigningKey| turns.iter().find(|turn| Some(**turn) > key.signs_from).copied();
        self.keys.retain_mut(|key| {
            // The next key has no turn yet, and the latest no successor.
            let Some(over) = key.signs_from.and_then(|_| over(key)) else { return true };
            if now >= over.plus(Self::STALENESS) {
                key.sealed.clear();
            }
            now < over.plus(Self::STALENESS + REVOCATION_MEMORY)
        });
    }

    fn latest(&self) -> Option<Timestamp> {
        self.keys.iter().filter_map(|key| key.signs_from).max()
    }
}
