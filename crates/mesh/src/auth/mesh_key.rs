//! Tokens between services.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kvartal_kernel::{Error, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LEEWAY, TOKEN_BYTES_MAX, bad_token};

/// The header in which a service says who it is. Edges strip every header that begins with `x-kvartal-`.
pub(crate) static MESH_HEADER: HeaderName = HeaderName::from_static("x-kvartal-mesh");
/// Header `typ` of the tokens.
const TOKEN_TYPE: &str = "mesh+jwt";
/// How long a token is good.
const LIFE: Duration = Duration::from_secs(60);
/// How long a token is sent again before a new one is made.
const REUSE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct MeshClaims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// The secret that the services of one platform share. A token made with it names the calling and the called service and
/// lives for a minute; whoever can read the wire can use it for so long, so calls between machines go over TLS.
#[derive(Clone)]
pub struct MeshKey(Arc<Inner>);

struct Inner {
    sign: EncodingKey,
    verify: DecodingKey,
    validation: Validation,
    header: Header,
    /// By calling and called service.
    made: Mutex<HashMap<String, HashMap<String, Made>>>,
}

/// A token, and when it was made.
type Made = (Timestamp, HeaderValue);

impl MeshKey {
    /// From 32 secret random bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The times are checked below, against our own clock; the audience is compared as a whole.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TOKEN_TYPE.to_owned());
        Self(Arc::new(Inner {
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            validation,
            header,
            made: Mutex::default(),
        }))
    }

    /// From a file's content: 32 random bytes in base64, as `openssl rand -base64 32` writes them.
    pub fn parse(content: &[u8]) -> Result<Self, Error> {
        let secret = STANDARD.decode(content.trim_ascii()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let secret = secret.ok_or_else(|| Error::invalid("mesh_key", "must be 32 bytes in base64"))?;
        Ok(Self::new(&secret))
    }

    /// A token with which the service `from` calls the service `to`.
    pub(crate) fn token(&self, from: &str, to: &str, now: Timestamp) -> Result<HeaderValue, Error> {
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, token)) = made.get(from).and_then(|made| made.get(to))
            && now >= *at
            && now.since(*at) < REUSE
        {
            return Ok(token.clone());
        }
        let claims =
            MeshClaims { iss: from.to_owned(), aud: to.to_owned(), iat: now.seconds(), exp: now.plus(LIFE).seconds() };
        let wrong = |error| Error::internal("the mesh token could not be made").because(error);
        let token =
            jsonwebtoken::encode(&self.0.header, &claims, &self.0.sign).map_err(|error| wrong(error.to_string()))?;
        let mut token = HeaderValue::from_str(&token).map_err(|error| wrong(error.to_string()))?;
        token.set_sensitive(true);
        made.entry(from.to_owned()).or_default().insert(to.to_owned(), (now, token.clone()));
        Ok(token)
    }

    /// The calling service, from a token made for the service `to`.
    pub(crate) fn verify(&self, token: &str, to: &str, now: Timestamp) -> Result<String, Error> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(bad_token());
        }
        let data =
            jsonwebtoken::decode::<MeshClaims>(token, &self.0.verify, &self.0.validation).map_err(|_| bad_token())?;
        let claims = data.claims;
        let leeway = i64::try_from(LEEWAY.as_secs()).unwrap_or(0);
        let life = i64::try_from(LIFE.as_secs()).unwrap_or(0);
        let timely = claims.iat <= now.seconds() + leeway
            && now.seconds() < claims.exp.saturating_add(leeway)
            && claims.exp.saturating_sub(claims.iat) <= life;
        let known = !claims.iss.is_empty() && claims.iss.len() <= 64;
        if data.header.typ.as_deref() == Some(TOKEN_TYPE) && claims.aud == to && timely && known {
            Ok(claims.iss)
        } else {
            Err(bad_token())
        }
    }
}

impl fmt::Debug for MeshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeshKey(…)")
    }
}

#[cfg(test)]
mod tests;
