//! Values that grant power to whoever holds them: hidden from `Debug`, stored as hashes, compared in constant time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A text that must not be shown: a password as typed, a token on its way out.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; the name makes each use visible in review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// 256 random bits, opaque to whoever holds them.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A new token from the operating system's generator.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads what [`Self::reveal`] wrote; `None` when it cannot be a token.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The text for its owner, 43 characters.
    pub fn reveal(&self) -> Secret {
        Secret(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is stored instead of it. Plain SHA-256 is enough: 256 random bits cannot be guessed from their hash.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// SHA-256 of a [`Token`]; equality takes the same time whatever differs.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// From storage; `None` unless it has 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For storage.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// What a client shows to get its next access token. The family stays the same as long as the session lives and finds
/// it; the turn is replaced by each use. A right family with a wrong turn is therefore a token used before, however
/// long ago, and cannot be made up by anyone who never held one.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// Finds the session.
    pub family: Token,
    /// Works once.
    pub turn: Token,
}

impl RefreshToken {
    /// The first token of a new session.
    pub fn generate() -> Self {
        Self { family: Token::generate(), turn: Token::generate() }
    }

    /// The token that replaces this one.
    pub fn next(&self) -> Self {
        Self { family: self.family.clone(), turn: Token::generate() }
    }

    /// Reads what [`Self::reveal`] wrote; `None` when it cannot be a refresh token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 64] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (family, turn) = bytes.split_at(32);
        Some(Self { family: Token(family.try_into().ok()?), turn: Token(turn.try_into().ok()?) })
    }

    /// The text for its owner, 86 characters.
    pub fn reveal(&self) -> Secret {
        Secret(URL_SAFE_NO_PAD.encode([self.family.0, self.turn.0].concat()))
    }
}
