//! Verification of access tokens.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kvartal_kernel::{Actor, Clock, Error, Role, Roles, Timestamp};
use moka::sync::Cache;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    ACCESS_TOKEN_TYPE, AUDIENCE, Claims, ISSUER, Identity, KeySource, LEEWAY, PublicKey, Revocations, TOKEN_BYTES_MAX,
    TokenKind, Verifier, bad_token,
};

/// Keys are read again after this, so a key that was withdrawn dies within it.
pub const KEYS_FRESH: Duration = Duration::from_secs(60);
/// Who follows them reads them again after this.
const KEYS_RENEWED: Duration = Duration::from_secs(45);
/// Keys that could not be read again for this long are not trusted any more.
const KEYS_LIFE: Duration = Duration::from_secs(60 * 60);
/// The source is not asked more often than this, whatever tokens name.
const KEYS_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait for the source: shorter than the deadline of most calls, so that one waits and the others learn from it.
const KEYS_TIMEOUT: Duration = Duration::from_secs(3);
/// Most good tokens that are remembered.
const TOKENS_MAX: u64 = 100_000;
/// A token that nobody shows for this long is forgotten.
const TOKENS_IDLE: Duration = Duration::from_secs(10 * 60);

/// Verifies access tokens: EdDSA only, with the keys of a [`KeySource`]. Good tokens are remembered by their SHA-256, so
/// showing one again costs a hash; revocation is looked up on every call, by session and generation, never by the token.
pub struct JwtVerifier {
    source: Arc<dyn KeySource>,
    revocations: Arc<dyn Revocations>,
    clock: Arc<dyn Clock>,
    validation: Validation,
    keys: RwLock<Arc<Keys>>,
    reading: tokio::sync::Mutex<()>,
    good: Cache<Digest, Good>,
}

/// The SHA-256 of a token.
#[derive(PartialEq, Eq, Hash)]
struct Digest([u8; 32]);

impl Digest {
    fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// A token that was found good with these keys.
#[derive(Clone)]
struct Good {
    identity: Identity,
    not_before: Timestamp,
    keys_version: u64,
}

#[derive(Default)]
struct Keys {
    by_kid: HashMap<String, (DecodingKey, [u8; 32])>,
    /// Counts changes: tokens that were good with other keys are verified again.
    version: u64,
    read_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

impl JwtVerifier {
    /// Reads the keys when the first token comes.
    pub fn new(source: Arc<dyn KeySource>, revocations: Arc<dyn Revocations>, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Times are checked below: against our own clock, with our own leeway.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.leeway = 0;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        Self {
            source,
            revocations,
            clock,
            validation,
            keys: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            good: Cache::builder().max_capacity(TOKENS_MAX).time_to_idle(TOKENS_IDLE).build(),
        }
    }

    /// Reads the keys again before they are old, once they were read, so that no call has to wait for it; until `stop`.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        while tokio::time::timeout(KEYS_PAUSE, stop.cancelled()).await.is_err() {
            let now = self.clock.now();
            if self.keys().read_at.is_some_and(|at| now.since(at) >= KEYS_RENEWED) {
                let reading = async {
                    let _reading = self.reading.lock().await;
                    self.read_keys(now).await;
                };
                stop.run_until_cancelled(reading).await;
            }
        }
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys, read again when they are old or lack `kid`. Whoever finds them old reads them; others go on with the old.
    async fn keys_for(&self, kid: &str, now: Timestamp) -> Result<Arc<Keys>, Error> {
        let keys = self.keys();
        let known = keys.by_kid.contains_key(kid);
        let age = keys.read_at.map(|at| now.since(at));
        let paused = keys.tried_at.is_some_and(|at| now >= at && now.since(at) < KEYS_PAUSE);
        if known && age.is_some_and(|age| age < KEYS_FRESH) {
            return Ok(keys);
        }
        let usable = age.is_some_and(|age| age < KEYS_LIFE);
        if !paused {
            let guard = if known && usable { self.reading.try_lock().ok() } else { Some(self.reading.lock().await) };
            if let Some(_guard) = guard {
                // Somebody else may have read them while this call waited for its turn.
                if self.keys().tried_at == keys.tried_at {
                    self.read_keys(now).await;
                }
            }
        }
        let keys = self.keys();
        if keys.read_at.is_some_and(|at| now.since(at) < KEYS_LIFE) {
            return Ok(keys);
        }
        Err(no_keys())
    }

    async fn read_keys(&self, now: Timestamp) {
        let read = tokio::time::timeout(KEYS_TIMEOUT, self.source.keys()).await;
        let read = read.unwrap_or_else(|_| Err(Error::unavailable("KEYS_UNAVAILABLE", "the keys took too long")));
        let old = self.keys();
        let next = match read {
            Ok(keys) => {
                let changed = keys.len() != old.by_kid.len()
                    || keys.iter().any(|key| old.by_kid.get(&key.kid).is_none_or(|(_, x)| *x != key.x));
                let by_kid = keys.into_iter().map(entry).collect();
                Keys { by_kid, version: old.version + u64::from(changed), read_at: Some(now), tried_at: Some(now) }
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), "the keys of access tokens could not be read");
                let (by_kid, version, read_at) = (old.by_kid.clone(), old.version, old.read_at);
                Keys { by_kid, version, read_at, tried_at: Some(now) }
            }
        };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    /// Whether a token with a good signature is good now.
    fn judge(&self, good: Good, now: Timestamp) -> Result<Identity, Error> {
        if now.plus(LEEWAY) < good.not_before || now >= good.identity.expires.plus(LEEWAY) {
            return Err(bad_token());
        }
        self.recheck(&good.identity)?;
        Ok(good.identity)
    }

    fn decode(&self, token: &str, keys: &Keys, kid: &str) -> Result<Good, Error> {
        let (key, _) = keys.by_kid.get(kid).ok_or_else(bad_token)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| bad_token())?.claims;
        let roles: Roles = claims.roles.iter().filter_map(|name| Role::from_name(name)).collect();
        let actor = match (claims.kind, claims.sid) {
            (TokenKind::User, Some(session)) if !session.is_nil() => Actor::User { id: claims.sub, session, roles },
            (TokenKind::Machine, None) => Actor::Machine { id: claims.sub, roles },
            _ => return Err(bad_token()),
        };
        let moment = |seconds: i64| Timestamp::from_parts(seconds, 0).ok_or_else(bad_token);
        let (issued, not_before, expires) = (moment(claims.iat)?, moment(claims.nbf)?, moment(claims.exp)?);
        let identity = Identity { actor, generation: claims.generation, expires };
        let ordered = claims.iss == ISSUER && claims.aud == AUDIENCE && issued < expires && !claims.sub.is_nil();
        if !ordered {
            return Err(bad_token());
        }
        Ok(Good { identity, not_before: not_before.max(issued), keys_version: keys.version })
    }
}

fn no_keys() -> Error {
    Error::unavailable("KEYS_UNAVAILABLE", "access tokens cannot be verified now")
}

fn entry(key: PublicKey) -> (String, (DecodingKey, [u8; 32])) {
    (key.kid, (DecodingKey::from_ed_der(&key.x), key.x))
}

/// The key's name, from a header that is exactly what we issue.
fn header_kid(token: &str) -> Option<String> {
    let canonical = token
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    if token.len() > TOKEN_BYTES_MAX || token.split('.').count() != 3 || !canonical {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    let plain = header.crit.is_none()
        && header.jwk.is_none()
        && header.jku.is_none()
        && header.x5u.is_none()
        && header.x5c.is_none()
        && header.zip.is_none()
        && header.enc.is_none();
    let ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(ACCESS_TOKEN_TYPE) && plain;
    header.kid.filter(|_| ours)
}

#[async_trait]
impl Verifier for JwtVerifier {
    async fn prepare(&self) -> Result<(), Error> {
        let _reading = self.reading.lock().await;
        if self.keys().read_at.is_none() {
            self.read_keys(self.clock.now()).await;
        }
        if self.keys().read_at.is_some() { Ok(()) } else { Err(no_keys()) }
    }

    fn recall(&self, bearer: &str) -> Option<Result<Identity, Error>> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let now = self.clock.now();
        let keys = self.keys();
        let fresh = keys.read_at.is_some_and(|at| now.since(at) < KEYS_FRESH);
        let good = self.good.get(&Digest::of(bearer)).filter(|good| fresh && good.keys_version == keys.version)?;
        Some(self.judge(good, now))
    }

    async fn verify(&self, bearer: &str) -> Result<Identity, Error> {
        if let Some(known) = self.recall(bearer) {
            return known;
        }
        let now = self.clock.now();
        let kid = header_kid(bearer).ok_or_else(bad_token)?;
        let keys = self.keys_for(&kid, now).await?;
        let good = self.decode(bearer, &keys, &kid)?;
        self.good.insert(Digest::of(bearer), good.clone());
        self.judge(good, now)
    }

    fn recheck(&self, identity: &Identity) -> Result<(), Error> {
        match identity.actor {
            Actor::User { id, session, .. } => self.revocations.check(session, id, identity.generation),
            Actor::Machine { id, .. } => self.revocations.check(Uuid::nil(), id, identity.generation),
            Actor::Anonymous | Actor::Service { .. } => Ok(()),
        }
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier").field("remembered", &self.good.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
