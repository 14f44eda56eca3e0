//! Why Keystone does not say who is asking.

use edge_metadata_core::auth::keystone::{AnswerError, AskedBy, IssueError};
use thiserror::Error;

/// How many bytes of an answer are read. A token without its catalog has a few thousand.
pub(super) const BODY_LIMIT: usize = 1 << 20;

/// Why Keystone does not say who is asking. Displayed after the URL that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::auth) enum Error {
    /// There is no answer, or not all of it.
    #[error("did not answer in time")]
    TooLate,
    /// The answer is larger than any token.
    #[error("answered with more than {} bytes", BODY_LIMIT)]
    TooLarge,
    /// There is no answer, or it broke off.
    #[error("did not answer: {0}")]
    Unreachable(String),
    /// The answer says nothing about the token.
    #[error("{0}")]
    Unclear(#[from] AnswerError),
    /// The Worker has no token of its own.
    #[error("{0}, when the Worker's own token was requested")]
    NotIssued(#[from] IssueError),
    /// The answer to the application credential has no token.
    #[error("answered without X-Subject-Token, when the Worker's own token was requested")]
    NoToken,
    /// The Worker's own token is rejected, however new it is.
    #[error("rejects the token that it issued to KEYSTONE_APPLICATION_CREDENTIAL_ID")]
    CredentialRejected,
    /// Whoever asks may not validate tokens.
    #[error("forbids to validate the token: {}", .0.remedy())]
    Forbidden(AskedBy),
}
