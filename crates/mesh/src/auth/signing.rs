//! Signing of access tokens.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kvartal_kernel::Error;

use super::{ACCESS_TOKEN_TYPE, Claims, PublicKey};

/// PKCS #8 (RFC 8410) around the 32 bytes of an Ed25519 seed.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A key that signs access tokens. It never shows itself in `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    public: PublicKey,
}

impl SigningKey {
    /// From its name and the 32 secret bytes of an Ed25519 key.
    pub fn from_seed(kid: impl Into<String>, seed: &[u8; 32]) -> Result<Self, Error> {
        let mut der = PKCS8_PREFIX.to_vec();
        der.extend_from_slice(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|error| Error::internal("the signing key cannot be used").because(error.to_string()))?;
        let x = <[u8; 32]>::try_from(pair.public_key().as_ref())
            .map_err(|_| Error::internal("the public key has a strange length"))?;
        Ok(Self { key: EncodingKey::from_ed_der(&der), public: PublicKey { kid: kid.into(), x } })
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// An access token.
    pub fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ACCESS_TOKEN_TYPE.to_owned());
        header.kid = Some(self.public.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key)
            .map_err(|error| Error::internal("the access token could not be signed").because(error))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}
