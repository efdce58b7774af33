//! Argon2id in memory that is kept from hash to hash: each fills 19 MiB, and taking them anew for each one would cost the page
//! faults every time.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use kvartal_kernel::Error;

use crate::domain::{PasswordHash, Secret};

/// Memory of one hash in KiB, passes over it, lanes: what OWASP recommends at least.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Hashes passwords, one after another.
pub(super) struct Hasher {
    params: Params,
    memory: Vec<Block>,
}

impl Hasher {
    /// With today's cost; takes its memory with the first hash.
    pub(super) fn new() -> Result<Self, Error> {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, Some(Params::DEFAULT_OUTPUT_LEN));
        let params = params.map_err(|error| Error::internal("wrong argon2 parameters").because(error))?;
        Ok(Self { params, memory: Vec::new() })
    }

    /// Gives its memory back until the next hash.
    pub(super) fn rest(&mut self) {
        self.memory = Vec::new();
    }

    /// A PHC string with a salt of its own.
    pub(super) fn hash(&mut self, secret: &Secret) -> Result<PasswordHash, Error> {
        let wrong = |error| Error::internal("a password could not be hashed").because(error);
        let (salt, params) = (Salt::generate(), self.params.clone());
        let output = self.compute(secret, &salt, Version::V0x13, &params)?;
        let hash = Phc {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(wrong)?,
            salt: Some(salt),
            hash: Some(output),
        };
        Ok(PasswordHash::new(hash.to_string()))
    }

    /// Whether the hash is this password's, with the cost that the hash names.
    pub(super) fn verify(&mut self, secret: &Secret, hash: &PasswordHash) -> Result<bool, Error> {
        let unreadable = || Error::internal("a password hash cannot be read");
        let hash = Phc::new(hash.as_str()).map_err(|error| unreadable().because(error))?;
        let params = Params::try_from(&hash).map_err(|error| unreadable().because(error))?;
        let version = hash.version.map(Version::try_from).transpose();
        let version = version.map_err(|error| unreadable().because(error))?.unwrap_or_default();
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Err(unreadable()) };
        if hash.algorithm != ARGON2ID_IDENT {
            return Err(unreadable());
        }
        // Outputs are compared in constant time.
        Ok(self.compute(secret, salt, version, &params)? == *expected)
    }

    fn compute(&mut self, secret: &Secret, salt: &Salt, version: Version, params: &Params) -> Result<Output, Error> {
        if self.memory.len() < params.block_count() {
            self.memory.resize(params.block_count(), Block::new());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, version, params.clone());
        let mut output = [0; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = output.get_mut(..length).ok_or_else(|| Error::internal("a password hash is too long"))?;
        argon2
            .hash_password_into_with_memory(secret.expose().as_bytes(), salt, output, &mut self.memory[..])
            .map_err(|error| Error::internal("a password could not be hashed").because(error))?;
        Output::new(output).map_err(|error| Error::internal("a password hash has no such length").because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_made_elsewhere_with_another_cost_is_verified() {
        // Test vector of the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32`
        // wrote `$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc`.
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let known = PasswordHash::new(known);
        let mut hasher = Hasher::new().unwrap();
        assert!(hasher.verify(&Secret::new("password"), &known).unwrap());
        assert!(!hasher.verify(&Secret::new("Password"), &known).unwrap());
        let own = hasher.hash(&Secret::new("password")).unwrap();
        assert!(hasher.verify(&Secret::new("password"), &own).unwrap(), "memory of another size is used again");
    }

    #[test]
    fn what_is_no_argon2id_hash_is_refused() {
        let mut hasher = Hasher::new().unwrap();
        for text in [
            "",
            "password",
            "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q",
            "$argon2id$v=19$m=64,t=2,p=1",
        ] {
            let refused = hasher.verify(&Secret::new("password"), &PasswordHash::new(text));
            assert!(refused.is_err(), "{text}");
        }
    }
}
