//! KV, as far as tokens are kept in it.

use std::time::Duration;

use thiserror::Error;
use worker::{KvError, KvStore};

use super::error::AuthError;
use crate::platform::timeout;

/// Why KV does not say what is under a key.
#[derive(Debug, Error)]
pub(super) enum Error {
    /// It takes too long.
    #[error("KV did not answer in time")]
    TooLate,
    /// It fails.
    #[error("KV failed: {0}")]
    Failed(worker::Error),
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        Self::Failed(match error {
            // Formatted as it is, it would be a stack trace of several lines.
            KvError::JavaScript(thrown) => thrown.into(),
            error => error.into(),
        })
    }
}

impl From<Error> for AuthError {
    /// For KV as the authority.
    fn from(error: Error) -> Self {
        Self::TokenStoreUnavailable(error.to_string())
    }
}

/// Returns the text under `key`.
///
/// # Errors
///
/// KV fails, or takes longer than `limit`.
pub(super) async fn get(kv: &KvStore, key: &str, limit: Duration) -> Result<Option<String>, Error> {
    match timeout(limit, kv.get(key).text()).await {
        Some(text) => Ok(text?),
        None => Err(Error::TooLate),
    }
}
