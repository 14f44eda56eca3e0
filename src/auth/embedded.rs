//! Embedded tokens: the KV namespace `TOKENS` is the authority.

use std::time::Duration;

use edge_metadata_core::auth::{CachedClaims, Claims, TokenDigest};
use edge_metadata_core::timestamp::Timestamp;
use worker::KvStore;

use super::error::AuthError;
use super::kv;
use super::subject::Resolved;
use crate::context::{RequestContext, TokenSource};
use crate::platform::now;

/// The namespace of their keys. That of Keystone's outcomes is another one, so that neither way of
/// resolving a token reads what the other wrote.
const NAMESPACE: &str = "token";

/// The embedded tokens.
#[derive(Debug)]
pub(super) struct EmbeddedTokens {
    kv: KvStore,
    ttl: Duration,
}

impl EmbeddedTokens {
    /// Creates the authority; what it says may be remembered for `ttl`.
    pub(super) fn new(kv: KvStore, ttl: Duration) -> Self {
        Self { kv, ttl }
    }

    /// Returns who a token speaks for.
    ///
    /// # Errors
    ///
    /// KV has no claims of the token, or only expired ones, or does not answer.
    pub(super) async fn look_up(
        &self,
        digest: &TokenDigest,
        deadline: Timestamp,
        context: &RequestContext,
    ) -> Result<Resolved, AuthError> {
        let limit = (deadline - now()).to_std().unwrap_or_default();
        let text = kv::get(&self.kv, &digest.kv_key(NAMESPACE), limit)
            .await?
            .ok_or(AuthError::Unauthorized)?;
        let claims = Claims::from_embedded(&text).map_err(|error| {
            context.note(format!(
                "the claims of the token in KV are malformed: {error}"
            ));
            AuthError::Unauthorized
        })?;
        let now = now();
        if claims.expires_at <= now {
            return Err(AuthError::Unauthorized);
        }
        let cached = CachedClaims::new(claims, now, self.ttl);
        Ok(Resolved::new(cached, TokenSource::Kv))
    }
}
