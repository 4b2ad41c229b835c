//! Passwords: what a client sends for a scramble, and how we check it.

use mysql_common::auth::plugins::caching_sha2_password::scramble_sha256;
use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes of a scramble.
pub const SCRAMBLE_BYTES: usize = 20;

/// The authentication plugins we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// SHA-1; every MariaDB, MySQL before 9.
    Native,
    /// SHA-256; MySQL 8 and later.
    CachingSha2,
}

impl Plugin {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
        }
    }

    /// The plugin of this name, if we speak it.
    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Native, Self::CachingSha2].into_iter().find(|p| p.name().as_bytes() == name)
    }

    /// What proves the password for this scramble; empty for an empty password.
    pub fn proof(self, scramble: &[u8; SCRAMBLE_BYTES], password: &[u8]) -> Vec<u8> {
        match self {
            Self::Native => scramble_native(scramble, password).map(|p| p.to_vec()).unwrap_or_default(),
            Self::CachingSha2 => scramble_sha256(scramble, password).map(|p| p.to_vec()).unwrap_or_default(),
        }
    }

    /// What a server keeps of a password: it proves nothing to others, and proofs can be checked by it.
    pub fn kept(self, password: &[u8]) -> Vec<u8> {
        match self {
            Self::Native => Sha1::digest(Sha1::digest(password)).to_vec(),
            Self::CachingSha2 => Sha256::digest(Sha256::digest(password)).to_vec(),
        }
    }

    /// Whether `proof` was made for this scramble by somebody who knows the password of which we keep this. Takes the same
    /// time whatever is wrong.
    pub fn is_proven(self, scramble: &[u8; SCRAMBLE_BYTES], proof: &[u8], kept: &[u8]) -> bool {
        let mask = match self {
            Self::Native => Sha1::new().chain_update(scramble).chain_update(kept).finalize().to_vec(),
            Self::CachingSha2 => Sha256::new().chain_update(kept).chain_update(scramble).finalize().to_vec(),
        };
        let hashed: Vec<u8> = proof.iter().zip(&mask).map(|(proof, mask)| proof ^ mask).collect();
        let again = match self {
            Self::Native => Sha1::digest(&hashed).to_vec(),
            Self::CachingSha2 => Sha256::digest(&hashed).to_vec(),
        };
        proof.len() == mask.len() && same(&again, kept)
    }
}

/// Compares in a time that does not depend on where the difference is.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

/// The password with its closing zero, hidden under the scramble, encrypted for the server's RSA key (PEM): full
/// authentication of caching_sha2_password without TLS.
pub fn sealed(password: &[u8], scramble: &[u8; SCRAMBLE_BYTES], public_key_pem: &[u8]) -> Option<Vec<u8>> {
    let mut text = password.to_vec();
    text.push(0);
    for (byte, mask) in text.iter_mut().zip(scramble.iter().cycle()) {
        *byte ^= mask;
    }
    mysql_common::crypto::encrypt(&text, public_key_pem).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_belongs_to_its_scramble_and_password() {
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            let proof = plugin.proof(&[7; 20], b"secret");
            assert!(same(&proof, &plugin.proof(&[7; 20], b"secret")));
            assert!(!same(&proof, &plugin.proof(&[8; 20], b"secret")));
            assert!(!same(&proof, &plugin.proof(&[7; 20], b"Secret")));
            assert!(plugin.proof(&[7; 20], b"").is_empty());
            let kept = plugin.kept(b"secret");
            assert!(plugin.is_proven(&[7; 20], &proof, &kept));
            assert!(!plugin.is_proven(&[8; 20], &proof, &kept));
            assert!(!plugin.is_proven(&[7; 20], &proof, &plugin.kept(b"Secret")));
            assert!(!plugin.is_proven(&[7; 20], b"", &plugin.kept(b"")));
            assert_eq!(Plugin::named(plugin.name().as_bytes()), Some(plugin));
        }
        assert_eq!(Plugin::named(b"dialog"), None);
    }
}
