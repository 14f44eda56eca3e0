//! The digest under which a token is known.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// SHA-256 of a token. Caches and KV know a token by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Returns the digest of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Returns the key in KV: `{namespace}:{64 hex digits}`.
    #[must_use]
    pub fn kv_key(&self, namespace: &str) -> String {
        let mut key = String::with_capacity(namespace.len() + 65);
        key.push_str(namespace);
        key.push(':');
        for byte in self.0 {
            // Writing to a string does not fail.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_claims_are_stored_under_the_sha_256_of_the_token() {
        assert_eq!(
            TokenDigest::of("870466f60fd3461abbcf1f2f16ffc30f").kv_key("token"),
            "token:aaffd435559e4b2ee57cead3e3d4eb5bf4544fc5bd67dc54fc2fb98f458bd8e9"
        );
    }
}
