//! The keys that verify access tokens, asked of the identity service wherever it runs.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kvartal_kernel::Error;
use kvartal_mesh::auth::{KeySource, PublicKey};
use kvartal_mesh::{Directory, from_status};
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetJwksRequest, Jwk};

/// Asks identity for its key set. The verifier remembers the answer.
pub(crate) struct IdentityKeys(pub(crate) Directory);

#[async_trait]
impl KeySource for IdentityKeys {
    async fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        let mut identity = IdentityServiceClient::new(self.0.channel("identity", "host")?);
        let answer = identity.get_jwks(GetJwksRequest {}).await.map_err(|status| from_status(&status))?;
        Ok(answer.into_inner().keys.into_iter().filter_map(public_key).collect())
    }
}

/// Keys of other kinds are not for us.
fn public_key(jwk: Jwk) -> Option<PublicKey> {
    let ours = jwk.kty == "OKP" && jwk.crv == "Ed25519" && (jwk.alg == "EdDSA" || jwk.alg.is_empty());
    let x = URL_SAFE_NO_PAD.decode(&jwk.x).ok()?.try_into().ok()?;
    ours.then_some(PublicKey { kid: jwk.kid, x })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ed25519_keys_are_taken() {
        // RFC 8037, appendix A.2.
        let jwk = Jwk {
            kid: "k".to_owned(),
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
        };
        assert_eq!(public_key(jwk.clone()).unwrap().x[..2], [0xd7, 0x5a]);
        assert_eq!(public_key(Jwk { crv: "X25519".to_owned(), ..jwk.clone() }), None);
        assert_eq!(public_key(Jwk { x: "AAAA".to_owned(), ..jwk }), None);
    }
}
