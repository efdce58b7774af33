//! Who calls: access tokens of people and machine clients, tokens between services, revocation.

mod jwt;
mod mesh_key;
mod revocations;
mod signing;

use async_trait::async_trait;
use kvartal_kernel::{Actor, Error, Kind, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use jwt::{JwtVerifier, KEYS_FRESH};
pub(crate) use mesh_key::MESH_HEADER;
pub use mesh_key::MeshKey;
pub use revocations::{LocalRevocations, Revocations, Revoke, revoked};
pub use signing::SigningKey;

/// Who issues access tokens: claim `iss`.
pub const ISSUER: &str = "kvartal";
/// For whom access tokens are: claim `aud`.
pub const AUDIENCE: &str = "kvartal";
/// Header `typ` of access tokens.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// Longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// By how much the clocks of two machines may differ.
pub const LEEWAY: std::time::Duration = std::time::Duration::from_secs(5);

/// Whose an access token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A person with a session.
    User,
    /// A machine client.
    Machine,
}

/// The claims of an access token. The header is `{"typ":"at+jwt","alg":"EdDSA","kid":…}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// [`ISSUER`].
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// The account or the machine client.
    pub sub: Uuid,
    /// The session; people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// Generation of the account: tokens of generations before the current one are revoked at once.
    #[serde(rename = "gen")]
    pub generation: i64,
    /// Whose it is.
    pub kind: TokenKind,
    /// Names of the roles. Roles that this version does not know are ignored.
    pub roles: Vec<String>,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// Not valid before this, in seconds since 1970.
    pub nbf: i64,
    /// Not valid from this on, in seconds since 1970.
    pub exp: i64,
    /// Its own id.
    pub jti: Uuid,
}

/// What a good token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Who.
    pub actor: Actor,
    /// Generation of the account when the token was issued.
    pub generation: i64,
    /// When the token ends.
    pub expires: Timestamp,
}

/// Tells good tokens from bad ones.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Does beforehand what the first token would have to wait for; an error when that cannot be done now.
    async fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What is known of a bearer token that was found good before, without looking at its signature again; `None` of any other.
    fn recall(&self, bearer: &str) -> Option<Result<Identity, Error>>;

    /// Reads a bearer token: UNAUTHENTICATED for a bad or revoked one, UNAVAILABLE when that cannot be told now.
    async fn verify(&self, bearer: &str) -> Result<Identity, Error>;

    /// Whether an identity that was good when its call began still is, for calls that last. The end of the token itself
    /// does not count: a stream lives on until its session is revoked or its own deadline comes.
    fn recheck(&self, identity: &Identity) -> Result<(), Error>;
}

/// A key that verifies access tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    /// Its name in token headers.
    pub kid: String,
    /// The Ed25519 public key (`x` of the JWK).
    pub x: [u8; 32],
}

/// Where the keys come from: `identity` in the same process, or its key set over the network.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// Every key that signs now, will sign soon, or signed tokens that still live.
    async fn keys(&self) -> Result<Vec<PublicKey>, Error>;
}

/// The answer to every bad token: it does not tell what was wrong.
pub(crate) fn bad_token() -> Error {
    Error::new(Kind::Unauthenticated, "TOKEN_INVALID", "the access token is not valid; sign in again")
}
