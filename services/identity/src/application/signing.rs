//! Access tokens and the keys that sign them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_kernel::{Clock, Error, Roles, Timestamp, Uuid};
use kvartal_mesh::auth::{AUDIENCE, Claims, ISSUER, SigningKey as TokenKey, TokenKind};
use sha2::{Digest, Sha256};

use super::SigningKeys;
use crate::domain::{ACCESS_LIFETIME, KeyRing, Secret, SigningKey};

/// Encrypts the private halves of signing keys, so that a copy of the database signs nothing.
pub struct MasterKey(RandomizedNonceKey);

impl MasterKey {
    /// From 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Error> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).map(Self).map_err(|_| Error::internal("AES-256-GCM is missing"))
    }

    /// A new key pair that is published from now on, its private half encrypted.
    fn make_key(&self, now: Timestamp) -> Result<SigningKey, Error> {
        let seed: [u8; 32] = rand::random();
        let public = TokenKey::from_seed("", &seed)?.public().x;
        let kid = URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..12]);
        let mut sealed = seed.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(kid.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| Error::internal("a signing key could not be encrypted"))?;
        sealed.splice(0..0, nonce.as_ref().iter().copied());
        Ok(SigningKey { kid, public, sealed, published_at: now, signs_from: None })
    }

    fn open(&self, key: &SigningKey) -> Result<TokenKey, Error> {
        let failed = || Error::internal(format!("signing key {} does not open with this master key", key.kid));
        let (nonce, sealed) = key.sealed.split_at_checked(NONCE_LEN).ok_or_else(failed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed())?;
        let mut seed = sealed.to_vec();
        let seed = self.0.open_in_place(nonce, Aad::from(key.kid.as_bytes()), &mut seed).map_err(|_| failed())?;
        let seed: &[u8; 32] = (&*seed).try_into().map_err(|_| failed())?;
        TokenKey::from_seed(&key.kid, seed)
    }
}

/// For whom a token is.
pub(super) struct Holder {
    pub(super) kind: TokenKind,
    pub(super) id: Uuid,
    pub(super) session: Option<Uuid>,
    pub(super) generation: i64,
    pub(super) roles: Roles,
}

/// Signs access tokens with the key whose turn it is.
pub struct Signer {
    keys: Arc<dyn SigningKeys>,
    master: Arc<MasterKey>,
    clock: Arc<dyn Clock>,
    opened: Mutex<Option<Opened>>,
}

/// The key whose turn it is; looked up anew every [`KeyRing::STALENESS`], because another replica may rotate.
#[derive(Clone)]
struct Opened {
    key: TokenKey,
    checked_at: Timestamp,
}

impl Signer {
    /// Signs with keys from there.
    pub fn new(keys: Arc<dyn SigningKeys>, master: MasterKey, clock: Arc<dyn Clock>) -> Self {
        Self { keys, master: Arc::new(master), clock, opened: Mutex::new(None) }
    }

    /// Makes the first keys when there are none, and fails when the master key does not open them.
    pub async fn prepare(&self) -> Result<(), Error> {
        let (master, now) = (self.master.clone(), self.clock.now());
        let begin = move |ring: &mut KeyRing| {
            if ring.keys.is_empty() {
                *ring = KeyRing::begin(master.make_key(now)?, master.make_key(now)?, now);
            }
            Ok(())
        };
        let ring = self.keys.change(Box::new(begin)).await?;
        self.open(&ring, self.clock.now()).map(drop)
    }

    /// Gives the next key its turn; gives its id. Tokens signed before stay valid until they expire.
    pub async fn rotate(&self) -> Result<String, Error> {
        let (master, now) = (self.master.clone(), self.clock.now());
        let turn = Arc::new(Mutex::new(String::new()));
        let chosen = turn.clone();
        let rotate = move |ring: &mut KeyRing| {
            ring.sweep(now);
            *chosen.lock().unwrap_or_else(PoisonError::into_inner) = ring.rotate(master.make_key(now)?, now)?;
            Ok(())
        };
        let ring = self.keys.change(Box::new(rotate)).await?;
        self.open(&ring, now)?;
        let kid = turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(kid)
    }

    /// Gives the next key its turn when the one before has signed long enough, and removes what nobody needs.
    pub async fn rotate_when_due(&self) -> Result<(), Error> {
        let (master, now) = (self.master.clone(), self.clock.now());
        let rotate = move |ring: &mut KeyRing| {
            ring.sweep(now);
            if ring.is_due(now) {
                ring.rotate(master.make_key(now)?, now)?;
            }
            Ok(())
        };
        self.keys.change(Box::new(rotate)).await.map(drop)
    }

    /// Every key that a valid token may be signed with, now or soon.
    pub async fn published(&self) -> Result<Vec<SigningKey>, Error> {
        let mut ring = self.keys.read().await?;
        ring.sweep(self.clock.now());
        Ok(ring.keys)
    }

    /// A token for the holder, and when it expires.
    pub(super) async fn sign(&self, holder: Holder) -> Result<(Secret, Timestamp), Error> {
        let Holder { kind, id, session, generation, roles } = holder;
        let now = self.clock.now();
        let expires_at = now.plus(ACCESS_LIFETIME);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: id,
            sid: session,
            generation,
            kind,
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: expires_at.seconds(),
            jti: now.uuid(),
        };
        let token = self.key(now).await?.sign(&claims)?;
        Ok((Secret::new(token), expires_at))
    }

    async fn key(&self, now: Timestamp) -> Result<TokenKey, Error> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match opened {
            Some(opened) if now < opened.checked_at.plus(KeyRing::STALENESS) => Ok(opened.key),
            _ => self.open(&self.keys.read().await?, now),
        }
    }

    /// Opens the key whose turn it is and remembers it.
    fn open(&self, ring: &KeyRing, now: Timestamp) -> Result<TokenKey, Error> {
        let signing = ring.signing(now).ok_or_else(|| Error::internal("there is no signing key"))?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let key = match opened.as_ref() {
            Some(known) if known.key.public().kid == signing.kid => known.key.clone(),
            _ => self.master.open(signing)?,
        };
        *opened = Some(Opened { key: key.clone(), checked_at: now });
        Ok(key)
    }
}
