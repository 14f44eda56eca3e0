//! Why it is not known who is asking.

use thiserror::Error;

/// Why it is not known who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum AuthError {
    /// 401: no token, or one that is unknown, expired, revoked or for other requests.
    #[error("the token is not valid")]
    Unauthorized,
    /// 503: Keystone does not say who is asking.
    #[error("the token cannot be checked: {0}")]
    KeystoneUnavailable(String),
    /// 503: KV, which holds the embedded tokens, does not answer.
    #[error("the token cannot be checked: {0}")]
    TokenStoreUnavailable(String),
}
