//! Who is asking, and what they may do.

mod cache;
pub mod policy;
pub mod token;

use std::rc::Rc;

use thiserror::Error;

use self::cache::Cache;
use self::token::{Claims, Digest, Identity};
use crate::platform::kv::{self, Kv};
use crate::time::Timestamp;

/// The namespace of embedded tokens in KV. Keystone's outcomes have another one, so that neither
/// way of resolving a token reads what the other wrote.
const EMBEDDED: &str = "token";

/// Why it is not known who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// 401: no, unknown, expired or revoked token.
    #[error("the token is not valid")]
    Unauthorized,
    /// 503: it cannot be found out now.
    #[error("the token cannot be checked: {0}")]
    Unavailable(String),
}

/// Resolves tokens: this isolate's memory, then KV, which is the authority for embedded tokens.
#[derive(Debug)]
pub struct Authenticator {
    tokens: Kv,
    cache: Cache,
}

impl Authenticator {
    /// For embedded tokens in `tokens`, believed for `cache_seconds` at most.
    #[must_use]
    pub fn new(tokens: Kv, cache_seconds: u32) -> Self {
        Self {
            tokens,
            cache: Cache::new(cache_seconds),
        }
    }

    /// Who a token speaks for.
    ///
    /// # Errors
    ///
    /// The token is not valid, or that cannot be found out.
    pub async fn identify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Rc<Identity>, IdentityError> {
        let token = token.trim_matches(|character: char| character.is_ascii_whitespace());
        if token.is_empty() {
            return Err(IdentityError::Unauthorized);
        }
        let digest = Digest::of(token);
        if let Some(identity) = self.cache.get(&digest, now)
            && identity.holds(now)
        {
            return Ok(identity);
        }
        let stored = kv::read(&self.tokens, &digest.kv_key(EMBEDDED))
            .await
            .map_err(|exception| IdentityError::Unavailable(exception.to_string()))?;
        let identity = stored
            .and_then(|text| Claims::parse(&text))
            .and_then(|claims| claims.identity(now))
            .map(Rc::new)
            .ok_or(IdentityError::Unauthorized)?;
        self.cache.put(digest, Rc::clone(&identity), now);
        Ok(identity)
    }
}
